"""What a report is made of: the plan of a run, in plain data. The command puts it together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xmod.analysis.candidates import Choice
from xmod.analysis.claims.spec import Declared
from xmod.analysis.figures.spec import ArchitectureSpec, FigureSpec
from xmod.analysis.records import GridPoints
from xmod.analysis.report.state import Job
from xmod.analysis.tables.spec import TableSpec
from xmod.languages import LanguageTable
from xmod.task_jobs import Run


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """How a task's setting is chosen, and among which runs."""

    choice: Choice
    runs: tuple[Run, ...]
    sets: tuple[str, ...]
    """What metrics.csv calls its sets of tests, and its development set."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A configuration, expanded."""

    name: str
    root: Path
    """`results/<name>`."""
    config_file: str
    config_text: str
    grid: GridPoints
    jobs: tuple[Job, ...]
    figures: Mapping[str, FigureSpec | ArchitectureSpec]
    tables: Mapping[str, TableSpec]
    tasks: Mapping[str, TaskPlan]
    claims: Declared | None
    languages: LanguageTable
    code_digest: str
    """Of the package that makes the report."""
