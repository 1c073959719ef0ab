"""What a format is: something that reads one language's examples from a distribution's file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from xmod.config_tasks import TaskKind
from xmod.tasks.examples import Example

FormatName = Literal["mnli", "xnli", "xnli_jsonl", "wikiann", "squad", "mlqa"]
Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which examples are wanted."""

    path: Path
    """A file; the distribution's folder for mlqa."""
    language: str
    """Our ISO code."""
    code: str
    """The file's code of the same language."""
    split: Split | None = None
    """Where the path does not say it (mlqa)."""
    question_code: str | None = None
    """The code of the questions' language where it is not the contexts' (mlqa)."""


class Format(NamedTuple):
    """A distribution's form of a task's examples."""

    kind: TaskKind
    read: Callable[[Request, Counter[str]], Iterator[Example]]
    """Yields examples with unique ids, streaming where the format allows; counts everything that
    it does not yield by reason; raises TaskDataError at the first thing that is wrong."""
