"""The grid's state as a reader sees it: by stage, by cell, and what asks for attention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xmod.analysis.report.state import STATES, Judged, State, count

SEVERITY: tuple[State, ...] = ("failed", "running", "stale", "missing", "done")
"""What of several jobs is told first."""
MOST_LISTED = 40


@dataclass(frozen=True, kw_only=True)
class Square:
    """The jobs of one cell and stage, or all of a stage."""

    counts: Mapping[State, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def state(self) -> State:
        """The state that asks for most attention."""
        return next(state for state in SEVERITY if self.counts[state])

    @property
    def words(self) -> str:
        """`done`, `3 of 7 done, 1 failed`."""
        if self.counts[self.state] == self.total:
            return self.state
        others = [f"{self.counts[s]} {s}" for s in STATES if self.counts[s] and s != "done"]
        return ", ".join([f"{self.counts['done']} of {self.total} done", *others])


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The jobs in one state, the first of them by name."""

    state: State
    jobs: tuple[Judged, ...]
    num_further: int
    num_followers: int
    """Jobs that are stale only because they follow others."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All of it."""

    whole: Square
    stages: tuple[tuple[str, Square], ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[str, tuple[Square | None, ...]], ...]
    """Cell -> for each column its jobs, or None where it has none."""
    listed: tuple[Listed, ...]

    @property
    def num_whole_cells(self) -> int:
        """Cells whose own jobs are all done."""
        return sum(
            any(squares) and all(one is None or one.state == "done" for one in squares)
            for _, squares in self.cells
        )

    def done_of(self, stage: str) -> Square | None:
        return dict(self.stages).get(stage)


def overview(judged: Sequence[Judged], cells: Iterable[str]) -> Overview:
    """Count, and choose what to list."""
    by_stage: dict[str, list[Judged]] = {}
    by_cell: dict[tuple[str, str], list[Judged]] = {}
    for one in judged:
        stage = stage_name(one)
        by_stage.setdefault(stage, []).append(one)
        for cell in one.job.cells:
            by_cell.setdefault((cell, stage), []).append(one)
    columns = tuple(stage for stage in by_stage if any(column == stage for _, column in by_cell))
    return Overview(
        whole=Square(counts=count(judged)),
        stages=tuple((stage, Square(counts=count(found))) for stage, found in by_stage.items()),
        columns=columns,
        cells=tuple(
            (cell, tuple(_square(by_cell.get((cell, column))) for column in columns))
            for cell in cells
        ),
        listed=tuple(_listed(judged, state) for state in ("running", "failed", "stale")),
    )


def stage_name(one: Judged) -> str:
    return f"{one.job.stage} {one.job.task}".strip()


def _square(judged: Sequence[Judged] | None) -> Square | None:
    return Square(counts=count(judged)) if judged else None


def _listed(judged: Iterable[Judged], state: State) -> Listed:
    found = [one for one in judged if one.state == state]
    own = [one for one in found if not one.only_follows]
    return Listed(
        state=state,
        jobs=tuple(own[:MOST_LISTED]),
        num_further=max(0, len(own) - MOST_LISTED),
        num_followers=len(found) - len(own),
    )
