"""A plan's jobs added up: by stage, by cell that is trained, and all together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xmod.planning.estimate import Plan, PlannedJob
from xmod.planning.parameters import ParameterCounts
from xmod.planning.workload import COMPUTING

ORDER = ("running", "failed", "stale", "missing", "done")
"""What of several jobs is said first."""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What several jobs have to do, and take."""

    num_jobs: int
    num_done: int
    num_stale: int
    updates: int
    tokens: float
    flops: float
    seconds: float
    seconds_left: float
    disk_gb: float
    memory_gb: float
    """Of the job that needs most."""

    @property
    def num_to_do(self) -> int:
        """Those that would run: all that are not done, stale ones among them."""
        return self.num_jobs - self.num_done


@dataclass(frozen=True, kw_only=True)
class TrainedCell:
    """A cell that is pre-trained, or whose adapters are trained on top of another."""

    stage: str
    cell: str
    state: str
    num_languages: int
    parameters: ParameterCounts | None
    total: Sum


def add_up(jobs: Iterable[PlannedJob]) -> Sum:
    found = tuple(jobs)
    return Sum(
        num_jobs=len(found),
        num_done=sum(one.state == "done" for one in found),
        num_stale=sum(one.state == "stale" for one in found),
        updates=sum(one.work.updates for one in found),
        tokens=sum(one.work.tokens for one in found),
        flops=sum(one.work.flops for one in found),
        seconds=sum(one.seconds for one in found),
        seconds_left=sum(one.seconds_left for one in found),
        disk_gb=sum(one.work.disk_gb for one in found),
        memory_gb=max((one.work.memory_gb for one in found), default=0.0),
    )


def by_stage(plan: Plan) -> dict[str, Sum]:
    """In the order of the stages."""
    return _by(plan.jobs, lambda one: one.job.stage)


def on_device(plan: Plan, *, computing: bool) -> Sum:
    """The jobs that compute on a model, or those that need no GPU."""
    return add_up(one for one in plan.jobs if (one.job.stage in COMPUTING) == computing)


def by_cell(plan: Plan) -> dict[str, dict[str, Sum]]:
    """Cell of the grid -> stage -> what is done for it; a job done for several cells counts with
    each."""
    cells = dict.fromkeys(cell for one in plan.jobs for cell in one.job.cells)
    found: dict[str, list[PlannedJob]] = {cell: [] for cell in cells}
    for one in plan.jobs:
        for cell in one.job.cells:
            found[cell].append(one)
    return {cell: _by(jobs, lambda one: one.job.stage) for cell, jobs in found.items()}


def trained_cells(plan: Plan) -> list[TrainedCell]:
    """In the order of the grid."""
    groups: dict[tuple[str, str], list[PlannedJob]] = {}
    for one in plan.jobs:
        if one.job.stage in ("pretrain", "adapt"):
            groups.setdefault((one.job.stage, one.job.scope), []).append(one)
    return [
        TrainedCell(
            stage=stage,
            cell=cell,
            state=_state(jobs),
            num_languages=sum(one.work.num_languages for one in jobs),
            parameters=jobs[0].work.parameters,
            total=add_up(jobs),
        )
        for (stage, cell), jobs in groups.items()
    ]


def stale_roots(plan: Plan) -> list[PlannedJob]:
    """The stale jobs that are stale by themselves, not only because they follow another."""
    return [one for one in plan.jobs if one.state == "stale" and not one.only_follows]


def _state(jobs: Iterable[PlannedJob]) -> str:
    """One word: what it is of all jobs, or of those that matter most, with the share done."""
    found = tuple(jobs)
    worst = next(state for state in ORDER if any(one.state == state for one in found))
    share = sum(one.share_done for one in found) / len(found)
    word = "to do" if worst == "missing" else worst
    return word if share in (0.0, 1.0) else f"{word} {share:.0%}"


def _by(jobs: Iterable[PlannedJob], key: Callable[[PlannedJob], str]) -> dict[str, Sum]:
    groups: dict[str, list[PlannedJob]] = {}
    for one in jobs:
        groups.setdefault(key(one), []).append(one)
    return {name: add_up(found) for name, found in groups.items()}
