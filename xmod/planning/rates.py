"""How long a job of a stage takes: by finished jobs of the run, or by the table of costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xmod.planning.records import Record
from xmod.planning.work import Work

MIN_RECORDS = 4
"""From so many finished jobs on, the time to begin a piece is told from the time of the work."""
MIN_SPREAD = 2.0
"""And only where the work of a piece differs so much among them: otherwise chance would tell it,
and be far off for a job with more work."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Seconds of a job: so many for each unit of its work, and for each piece of it."""

    per_amount: float
    per_piece: float
    num_records: int = 0
    """Finished jobs that it was measured on; 0 where it is assumed."""
    source: str

    def seconds(self, work: Work) -> float:
        return self.per_amount * work.amount + self.per_piece * work.num_pieces


def measured(records: Sequence[Record]) -> Rate:
    """The rate that fits finished jobs of one stage; their sum is met exactly.

    Least squares in which neither part is negative. Raises ValueError without records.
    """
    if not records:
        raise ValueError("no finished job to measure a rate on")
    total = sum(record.seconds for record in records)
    candidates = [(a, b) for a, b in _candidates(records) if a >= 0 and b >= 0]
    per_amount, per_piece = min(candidates, key=lambda one: _squares(records, *one))
    predicted = sum(per_amount * one.amount + per_piece * one.num_pieces for one in records)
    scale = total / predicted if predicted else 0.0
    return Rate(
        per_amount=per_amount * scale,
        per_piece=per_piece * scale,
        num_records=len(records),
        source=f"measured, {len(records)} job{'s' if len(records) > 1 else ''}",
    )


def _candidates(records: Sequence[Record]) -> Iterator[tuple[float, float]]:
    """(per amount, per piece): each alone, and both together where that can be told."""
    amounts = [one.amount for one in records]
    pieces = [one.num_pieces for one in records]
    seconds = [one.seconds for one in records]
    aa, pp, ap = _dot(amounts, amounts), _dot(pieces, pieces), _dot(amounts, pieces)
    sa, sp = _dot(seconds, amounts), _dot(seconds, pieces)
    if aa:
        yield sa / aa, 0.0
    if not aa or _is_spread(records):
        yield 0.0, sp / pp
    determinant = aa * pp - ap * ap
    if len(records) >= MIN_RECORDS and _is_spread(records) and determinant > 1e-9 * aa * pp:
        yield (sa * pp - sp * ap) / determinant, (sp * aa - sa * ap) / determinant


def _is_spread(records: Sequence[Record]) -> bool:
    """Whether some jobs have much more work a piece than others."""
    works = [one.amount / one.num_pieces for one in records if one.num_pieces]
    return max(works, default=0.0) > MIN_SPREAD * min(works, default=0.0)


def _squares(records: Sequence[Record], per_amount: float, per_piece: float) -> float:
    return sum(
        (per_amount * one.amount + per_piece * one.num_pieces - one.seconds) ** 2 for one in records
    )


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
