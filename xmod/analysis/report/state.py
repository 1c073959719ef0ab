"""The state of every job of a run, read off the files that jobs leave; Snakemake is not asked.

`done`: all outputs are there, and nothing of what follows holds.
`running`: Snakemake's mark of an unfinished job lies on its outputs, and its lock is held.
`stale`: the outputs are there, but not of what is asked now: the job is told something else, an
input is newer, or what it reads is itself stale, being made, or failed to be made.
`failed`: it began (its log is there) and ended without its outputs.
`missing`: it has not begun, or its outputs were removed.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from xmod.analysis.report.notes import Notes
from xmod.files import sha256_file
from xmod.log_end import tail

State = Literal["done", "running", "stale", "failed", "missing"]
STATES: tuple[State, ...] = get_args(State)
FOLLOWED: dict[State, str] = {"stale": "is stale", "running": "is running", "failed": "failed"}
"""What of an earlier job makes its followers stale. Not `missing`: models are large, and may go."""
FRESH_SECONDS = 120.0
"""Where no lock tells, a log that was written to within these is taken for a sign of life."""
CHECKSUM_BYTES = 1_000_000
"""Snakemake compares the contents of newer inputs up to this size: its default."""
MAX_CHANGES, MAX_LETTERS = 4, 60
DEFAULT = "its default"


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One job of the plan; equal to itself alone, lest its many files be compared."""

    stage: str
    scope: str
    """What it is for: a cell as the stage sees it, or the data's scope."""
    part: str = ""
    """Which part of the scope: a batch of languages or of runs."""
    task: str = ""
    cells: tuple[str, ...] = ()
    """The grid's cells that it is done for; none where it is done for all."""
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    log: str
    benchmark: str = ""
    """Where Snakemake notes what it took; empty for quick jobs, of which it notes nothing."""
    told: str = ""
    """What it would be told now, as JSON or text; empty where it is told nothing of its own."""
    told_in: str = ""
    """The file that says what it was told."""

    @property
    def name(self) -> str:
        return " ".join(word for word in (self.task, self.scope, self.part) if word)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A job's state and what it is judged by."""

    job: Job
    state: State
    reasons: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    """The last lines of its log, where it runs or failed."""
    only_follows: bool = False
    """Whether it is stale only because an earlier job's result will change."""


class Judge:
    """Judges the jobs of one plan as the files are now."""

    def __init__(self, jobs: Sequence[Job], notes: Notes, *, now: float) -> None:
        self.jobs, self.notes, self.now = jobs, notes, now
        self._maker = {output: job for job in jobs for output in job.outputs}
        self._judged: dict[Job, Judged] = {}
        self._times: dict[str, float | None] = {}

    def judge_all(self) -> tuple[Judged, ...]:
        return tuple(self.judge(job) for job in self.jobs)

    def judge(self, job: Job) -> Judged:
        if job not in self._judged:
            self._judged[job] = self._look(job)
        return self._judged[job]

    def _look(self, job: Job) -> Judged:
        is_marked = not self.notes.unfinished.isdisjoint(job.outputs)
        if signs := self._signs_of_life(job, is_marked=is_marked):
            return Judged(job=job, state="running", reasons=signs, tail=tail(job.log)[-1:])
        absent = [path for path in job.outputs if self._time(path) is None]
        if is_marked:
            reason = (
                f"it was killed{self._began(job)}: Snakemake's mark of an unfinished job is left"
            )
            return Judged(job=job, state="failed", reasons=(reason,), tail=tail(job.log))
        if absent:
            return self._without_outputs(job, absent)
        changes, followed = tuple(self._changes(job)), self._followed(job)
        reasons = changes or followed
        return Judged(
            job=job,
            state="stale" if reasons else "done",
            reasons=reasons,
            only_follows=bool(followed) and not changes,
        )

    def _signs_of_life(self, job: Job, *, is_marked: bool) -> tuple[str, ...]:
        """Why a job is taken to be running; empty where it is not."""
        written = self._time(job.log)
        is_fresh = written is not None and self.now - written < FRESH_SECONDS
        last = f"its log was last written {clock(written)}" if written else "it has no log yet"
        if is_marked and self.notes.is_locked:
            return (f"Snakemake's mark and lock are there; {last}",)
        has_ended = all(self._time(path) is not None for path in job.outputs)
        if is_fresh and (is_marked or not (self.notes.are_there or has_ended)):
            return (f"Snakemake's lock is not there, but {last}",)
        return ()

    def _without_outputs(self, job: Job, absent: Sequence[str]) -> Judged:
        count = f"{len(absent)} of {len(job.outputs)} files are not there, such as {absent[0]}"
        began, ended = self._time(job.log), self._time(job.benchmark)
        if began is None:
            partly = (count,) if len(absent) < len(job.outputs) else ()
            return Judged(job=job, state="missing", reasons=partly)
        if ended is not None and ended >= began:
            if len(absent) < len(job.outputs) and job.told and (told := told_otherwise(job)):
                return Judged(job=job, state="stale", reasons=(*told, count))
            reason = f"it ended well {clock(ended)}, but {count}: they were removed"
            return Judged(job=job, state="missing", reasons=(reason,))
        doubt = "" if job.benchmark else ", or they were removed"
        reason = f"it began{self._began(job)} and left no result{doubt}; {count}"
        return Judged(job=job, state="failed", reasons=(reason,), tail=tail(job.log))

    def _began(self, job: Job) -> str:
        written = self._time(job.log)
        return f" (its log was last written {clock(written)})" if written else ""

    def _changes(self, job: Job) -> Iterator[str]:
        """Why the job's outputs are not of what is asked now."""
        if job.told:
            yield from told_otherwise(job)
        made = min(filter(None, map(self._time, job.outputs)), default=0.0)
        newer = [path for path in job.inputs if self._is_newer(path, made, job)]
        if newer:
            more = f" and {len(newer) - 1} more" if len(newer) > 1 else ""
            yield f"{newer[0]}{more} changed after it was made"

    def _followed(self, job: Job) -> tuple[str, ...]:
        """The first of the jobs before it whose result will change; empty where there is none."""
        makers = dict.fromkeys(self._maker[path] for path in job.inputs if path in self._maker)
        for maker in makers:
            state = self.judge(maker).state
            if state in FOLLOWED:
                return (f"it follows {maker.stage} {maker.name}, which {FOLLOWED[state]}",)
        return ()

    def _is_newer(self, path: str, made: float, job: Job) -> bool:
        """Whether an input changed since; small ones are compared by content, as Snakemake does."""
        changed = self._time(path)
        if changed is None or changed <= made:
            return False
        if Path(path).stat().st_size > CHECKSUM_BYTES:
            return True
        return self.notes.checksums(job.outputs[0]).get(path) != f"sha256:{sha256_file(Path(path))}"

    def _time(self, path: str) -> float | None:
        """When a file was last written; None where there is none."""
        if path not in self._times:
            try:
                self._times[path] = Path(path).stat().st_mtime if path else None
            except OSError:
                self._times[path] = None
        return self._times[path]


def count(judged: Iterable[Judged]) -> dict[State, int]:
    """How many jobs are in each state."""
    counts = Counter(one.state for one in judged)
    return {state: counts[state] for state in STATES}


def told_otherwise(job: Job) -> list[str]:
    """What the job was told differently from what it would be told now."""
    try:
        recorded = Path(job.told_in).read_text(encoding="utf-8").removesuffix("\n")
    except OSError:
        return [f"{job.told_in}, which says what it was told, is not there"]
    if recorded == job.told:
        return []
    try:
        before, now = json.loads(recorded), json.loads(job.told)
    except json.JSONDecodeError:
        return [f"{job.told_in} would have another text"]
    if job.told_in.endswith("manifest.json"):
        before = before.get("config")
    found = list(differences(before, now))
    more = [f"{len(found) - MAX_CHANGES} further keys"] if len(found) > MAX_CHANGES else []
    return [*found[:MAX_CHANGES], *more]


def differences(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """`key: before, now after`, for every value that differs; a job's text leaves out defaults."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*before, *now)):
            inner = f"{key}.{name}" if key else str(name)
            yield from differences(before.get(name, DEFAULT), now.get(name, DEFAULT), inner)
    elif before != now:
        yield f"{key or 'it'} was {_short(before)}, is {_short(now)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_LETTERS:
        return text
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"{text[:MAX_LETTERS]}..."


def clock(moment: float) -> str:
    """A moment as `2026-11-22 18:31:28 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))
