"""What failed in a run, for its end: the stage, the cell, the try, the log's end, what to do.

Read off the notes that jobs' shells leave (`xmod.tries`), so neither the configuration nor
Snakemake is asked.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xmod.causes import Cause, likely_cause
from xmod.log_end import read_end
from xmod.tries import Tries, all_tries

SLURM_LOGS = Path("logs/slurm")
"""Where profiles/slurm has Slurm's own logs."""
MAX_SHOWN, NUM_LINES, MAX_ROWS, MAX_WIDTH = 10, 6, 4, 100


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One job that failed."""

    stage: str
    name: str
    """Its cell or scope, with task and part."""
    tries: Tries
    lines: tuple[str, ...]
    """The log's last."""
    cause: Cause


def failures(logs: Path, *, since: str = "", slurm_logs: Path = SLURM_LOGS) -> tuple[Failure, ...]:
    """The jobs below `logs` whose last try failed, after `since` (as `2026-11-22T18:31:28Z`)."""
    found = (tries for tries in all_tries(logs) if tries.has_failed() and tries.when >= since)
    by_job = SlurmLogs(slurm_logs)
    return tuple(failure(tries, logs, slurm_logs=by_job) for tries in found)


class SlurmLogs:
    """Slurm's own logs by job id; their folder is read when the first is asked for."""

    def __init__(self, folder: Path = SLURM_LOGS) -> None:
        self._folder = folder

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {path.stem: path for path in self._folder.rglob("*.log")}

    def said(self, tries: Tries) -> list[str]:
        """What Slurm itself said of the last try: time limits, memory, nodes."""
        path = self._paths.get(tries.owner.slurm_job) if tries.owner.slurm_job else None
        lines = read_end(path) if path else ()
        return [line for line in lines if "slurmstepd" in line or "srun: error" in line]


def failure(tries: Tries, logs: Path, *, slurm_logs: SlurmLogs) -> Failure:
    """Look at the logs of a job that failed."""
    stage, *rest = tries.log.relative_to(logs).with_suffix("").parts
    lines = read_end(tries.log)
    words = "\n".join((*lines, *slurm_logs.said(tries)))
    return Failure(
        stage=stage,
        name=" ".join(rest),
        tries=tries,
        lines=tuple(lines[-NUM_LINES:]),
        cause=likely_cause(tries.code, words),
    )


def failure_summary(root: Path, *, since: str, again: str) -> str:
    """What failed in the run below `root` since then; empty where nothing did."""
    found = failures(root / "logs", since=since)
    return summary(found, again=again) if found else ""


def summary(found: Sequence[Failure], *, again: str) -> str:
    """For a person at the end of a run; `again` is the command that goes on."""
    lines = [f"{len(found)} job{'s' if len(found) != 1 else ''} failed:", ""]
    for one in found[:MAX_SHOWN]:
        lines += [*_shown(one), ""]
    if len(found) > MAX_SHOWN:
        lines += [f"and {len(found) - MAX_SHOWN} more: {_counted(found[MAX_SHOWN:])}", ""]
    lines.append("What is done is kept, and training goes on from its last checkpoint:")
    lines.append(f"    {again}")
    return "\n".join(lines)


def _shown(one: Failure) -> list[str]:
    tries, owner = one.tries, one.tries.owner
    place = f"Slurm job {owner.slurm_job} on {owner.host}" if owner.slurm_job else owner.host
    code = "" if tries.code is None else f", exit code {tries.code}"
    told = (
        f"{one.stage}  {one.name}",
        f"try {tries.number}, {place}{code}",
        f"likely cause: {one.cause.name}",
        f"what to do: {one.cause.advice}",
        f"log: {tries.log}",
    )
    folded = [
        part
        for number, line in enumerate(told)
        for part in _folded(line, "    " if number else "", "      ")
    ]
    return [*folded, *(part for line in one.lines for part in _quoted(line))]


def _quoted(line: str) -> list[str]:
    """A line of a log; a long one on several."""
    parts = _folded(line, "    | ", "    |   ")
    return parts if len(parts) <= MAX_ROWS else [*parts[: MAX_ROWS - 1], "    |   ..."]


def _folded(line: str, first: str, later: str) -> list[str]:
    """As wide as the terminal; what a person copies, such as a path, stays whole."""
    return textwrap.wrap(
        line,
        min(MAX_WIDTH, shutil.get_terminal_size((MAX_WIDTH, 0)).columns),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _counted(found: Iterable[Failure]) -> str:
    counts: dict[str, int] = {}
    for one in found:
        kind = f"{one.stage} ({one.cause.name})"
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{number} {kind}" for kind, number in counts.items())
