"""Rows of a table that compares the two libraries at a size."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.interleave import work_per_second
from benchmarks.shapes import BASE, SMALL, TINY, ModelContender, Shape

Row = tuple[str, ...]
Pair = tuple[ModelContender, ModelContender]
"""Ours and theirs."""


class Effort(NamedTuple):
    """How long a comparison takes: steps a turn, and turns."""

    shape: Shape
    num_steps: int
    num_rounds: int


EFFORTS = (Effort(TINY, 3, 7), Effort(SMALL, 2, 5), Effort(BASE, 1, 5))
QUICK_EFFORTS = (Effort(TINY, 3, 3), Effort(SMALL, 2, 3))


def columns(unit: str) -> tuple[str, ...]:
    return "size", "threads", "ours", "theirs", f"ours, {unit}/s", "theirs", "ratio"


def equal_and_usual(work: Callable[..., ModelContender], shape: Shape) -> list[Pair]:
    """Both in each precision, and ours in bfloat16 against theirs in float32."""
    ours, theirs = (
        {
            precision: work(library=library, precision=precision, shape=shape)
            for precision in ("float32", "bfloat16")
        }
        for library in ("xmod", "transformers")
    )
    return [
        (ours["float32"], theirs["float32"]),
        (ours["bfloat16"], theirs["bfloat16"]),
        (ours["bfloat16"], theirs["float32"]),
    ]


def compare(effort: Effort, pairs: Sequence[Pair], *, at_once: bool = True) -> list[Row]:
    """A row a pair; all contenders interleaved, or each alone where memory is short."""
    contenders = list(dict.fromkeys(contender for pair in pairs for contender in pair))
    print(f"measuring {', '.join(one.label for one in contenders)}", file=sys.stderr, flush=True)
    groups = [contenders] if at_once else [[contender] for contender in contenders]
    speeds = {
        contender: speed
        for group in groups
        for contender, speed in zip(
            group,
            work_per_second(group, num_rounds=effort.num_rounds, num_steps=effort.num_steps),
            strict=True,
        )
    }
    rows = [_row(ours, theirs, speeds[ours], speeds[theirs]) for ours, theirs in pairs]
    print(*rows, sep="\n", file=sys.stderr, flush=True)
    return rows


def _row(ours: ModelContender, theirs: ModelContender, our_speed: float, their_speed: float) -> Row:
    return (
        ours.shape.name,
        str(ours.num_threads),
        ours.way,
        theirs.way,
        _number(our_speed),
        _number(their_speed),
        f"{our_speed / their_speed:.2f}",
    )


def _number(speed: float) -> str:
    return f"{speed:,.0f}" if speed >= 100 else f"{speed:.1f}"
