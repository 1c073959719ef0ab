"""The state of a run at one moment, from the files that its jobs leave; Snakemake is not asked.

The report's judge (`xmod.analysis.report.state`) says which jobs are done, stale or missing. The
locks and notes of the jobs' shells say more of the others: who runs which, which only waits in a
queue, and how often it was tried.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from xmod.analysis.report.notes import Notes
from xmod.analysis.report.state import Job, Judge, Judged
from xmod.failures import Failure, SlurmLogs, failure
from xmod.locks import Life, Owner, owners_of, slurm_lives
from xmod.log_end import tail
from xmod.tries import Tries, read_tries

State = Literal["done", "running", "queued", "failed", "stale", "missing"]
STATES: tuple[State, ...] = get_args(State)
LINE = re.compile(
    r"^(?P<label>.+?)\s+(?P<update>\d+)/(?P<budget>\d+)\s+\d+%  loss (?P<loss>\S+)  "
    r"(?P<speed>\S+) tokens/s  (?P<left>\S+)"
)
"""What training prints every ten seconds (`Progress.line`); a test holds both together."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How far a training is, by its last line."""

    label: str
    """The cell, and what of it is trained."""
    update: int
    budget_updates: int
    loss: float
    tokens_per_second: str
    """As it is printed: `412k`."""
    left: str
    """Time, as `3:05:10`; `done` at the end."""

    @classmethod
    def of_log(cls, lines: Iterable[str]) -> Training | None:
        """The newest of a log's last lines that tells; None where none does."""
        found = [match for line in lines if (match := LINE.match(line))]
        if not found:
            return None
        match = found[-1]
        return cls(
            label=match["label"],
            update=int(match["update"]),
            budget_updates=int(match["budget"]),
            loss=float(match["loss"]),
            tokens_per_second=match["speed"],
            left=match["left"],
        )


@dataclass(frozen=True, kw_only=True)
class Work:
    """One job, as it is now."""

    job: Job
    state: State
    owner: Owner | None = None
    """Who runs it."""
    training: Training | None = None
    num_tries: int = 0
    failure: Failure | None = None
    """Of its last try, where that failed; also of a job that waits to be tried again."""

    @property
    def place(self) -> str:
        """The Slurm job, else the machine."""
        if self.owner is None:
            return ""
        return self.owner.slurm_job or self.owner.host


@dataclass(frozen=True, kw_only=True)
class Status:
    """A run at one moment."""

    name: str
    runner: Owner | None
    """Whose Snakemake runs; None where none does."""
    works: tuple[Work, ...]
    cells: tuple[str, ...]

    def count(self, works: Iterable[Work] | None = None) -> Counter[State]:
        return Counter(one.state for one in (self.works if works is None else works))

    def of_state(self, state: State) -> list[Work]:
        return [one for one in self.works if one.state == state]

    @property
    def stages(self) -> dict[str, list[Work]]:
        """The jobs of each stage, in the order of the stages."""
        found: dict[str, list[Work]] = {}
        for one in self.works:
            found.setdefault(one.job.stage, []).append(one)
        return found

    @property
    def by_cell(self) -> dict[str, list[Work]]:
        """The jobs that are done for each cell of the grid, those that cells share included."""
        found: dict[str, list[Work]] = {cell: [] for cell in self.cells}
        for one in self.works:
            for cell in one.job.cells:
                if cell in found:
                    found[cell].append(one)
        return found


@dataclass(frozen=True)
class Looker:
    """Looks at a run again and again: the jobs stay, the files change."""

    name: str
    root: Path
    jobs: Sequence[Job]
    cells: tuple[str, ...]
    snakemake: Path = field(default=Path(".snakemake"))

    def look(self, *, now: float) -> Status:
        """The run as its files are now; Slurm is asked once, and only of jobs on other machines."""
        judged = Judge(self.jobs, Notes(self.snakemake), now=now).judge_all()
        owners = owners_of(self.root / "logs").values()
        lives = slurm_lives(one.slurm_job for one in owners if one.slurm_job)
        runner, slurm_logs = self._runner(), SlurmLogs()

        def ask(job: str) -> Life:
            return lives.get(job, "ended")

        return Status(
            name=self.name,
            runner=runner,
            works=tuple(
                self._work(one, is_run=runner is not None, ask=ask, slurm_logs=slurm_logs)
                for one in judged
            ),
            cells=self.cells,
        )

    def _runner(self) -> Owner | None:
        try:
            owner = Owner.parse((self.root / "run.lock").read_text(encoding="utf-8"))
        except OSError:
            return None
        return owner if owner is not None and owner.life() != "ended" else None

    def _work(
        self, judged: Judged, *, is_run: bool, ask: Callable[[str], Life], slurm_logs: SlurmLogs
    ) -> Work:
        job = judged.job
        if judged.state in ("done", "stale"):
            return Work(job=job, state=judged.state)
        tries = read_tries(Path(job.log))
        if tries is None:
            # A quick job notes nothing; of another, a mark without a beginning is one that waits.
            queued: State = "queued" if is_run and job.benchmark else judged.state
            return Work(job=job, state=queued if judged.state == "running" else judged.state)
        if tries.is_running(ask):
            return Work(
                job=job,
                state="running",
                owner=tries.owner,
                training=Training.of_log(tail(job.log)),
                num_tries=tries.number,
            )
        return self._ended(judged, tries, is_run=is_run, slurm_logs=slurm_logs)

    def _ended(self, judged: Judged, tries: Tries, *, is_run: bool, slurm_logs: SlurmLogs) -> Work:
        """A job that began, runs no more, and has no result."""
        logs = self.root / "logs"
        failed = failure(tries, logs, slurm_logs=slurm_logs) if tries.code != 0 else None
        state: State = judged.state
        if judged.state == "running":
            state = "queued" if is_run else "failed"
        elif failed is not None:
            state = "failed"
        return Work(job=judged.job, state=state, num_tries=tries.number, failure=failed)
