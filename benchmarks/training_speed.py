"""Training tokens a second against transformers' X-MOD, and 75 languages against 13.

A step is forward, backward and AdamW at dropout 0.1 for hidden states and attention. Both sides
see the same shapes, threads, batches of one language and optimizer; transformers computes its
own loss, over the logits of every position, as its users train it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from benchmarks.interleave import tokens_per_second
from benchmarks.report import Table, show
from benchmarks.shapes import BASE, SMALL, TINY, Contender, Library, Precision, Shape

PAPER_VOCABULARY = replace(
    BASE, name="base, vocabulary 250,002", vocabulary_size=250_002, num_sequences=1
)


class Effort(NamedTuple):
    """How long a comparison takes: steps a turn, and turns."""

    shape: Shape
    num_steps: int
    num_rounds: int


EFFORTS = (Effort(TINY, 3, 7), Effort(SMALL, 2, 5), Effort(BASE, 1, 5))
QUICK_EFFORTS = (Effort(TINY, 3, 3), Effort(SMALL, 2, 3))
PAPER_EFFORT = Effort(PAPER_VOCABULARY, 1, 3)

SIDES: tuple[tuple[Library, Precision], ...] = (
    ("transformers", "float32"),
    ("transformers", "bfloat16"),
    ("xmod", "float32"),
    ("xmod", "bfloat16"),
)


def run(*, quick: bool) -> list[Table]:
    efforts = QUICK_EFFORTS if quick else EFFORTS
    rows = [row for effort in efforts for row in _against_transformers(effort)]
    if not quick:
        rows += _paper_vocabulary(PAPER_EFFORT)
    return [
        Table(
            title="Training, tokens a second against transformers",
            explanation=" ".join((__doc__ or "").split("\n\n")[1].split()),
            columns=("size", "threads", "ours", "theirs", "ours, tokens/s", "theirs", "ratio"),
            rows=tuple(rows),
        ),
        _languages(TINY, num_steps=5, num_rounds=3 if quick else 10),
    ]


def _against_transformers(effort: Effort) -> list[tuple[str, ...]]:
    speeds = _measure(effort, SIDES)
    pairs = (("float32", "float32"), ("bfloat16", "bfloat16"), ("bfloat16", "float32"))
    rows = [_row(effort.shape, ours, theirs, speeds) for ours, theirs in pairs]
    print(*rows, sep="\n", file=sys.stderr, flush=True)
    return rows


def _paper_vocabulary(effort: Effort) -> list[tuple[str, ...]]:
    """One side at a time in each precision: two models of this size at once fill a laptop."""
    libraries: tuple[Library, ...] = ("transformers", "xmod")
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    rows = []
    for precision in precisions:
        speeds: dict[tuple[str, str], float] = {}
        for library in libraries:
            speeds |= _measure(effort, [(library, precision)])
        rows.append(_row(effort.shape, precision, precision, speeds))
    return rows


def _measure(
    effort: Effort, sides: Sequence[tuple[Library, Precision]]
) -> dict[tuple[str, str], float]:
    contenders = [
        Contender(library=library, precision=precision, shape=effort.shape)
        for library, precision in sides
    ]
    print(f"measuring {effort.shape.name}: {len(sides)} contenders", file=sys.stderr, flush=True)
    speeds = tokens_per_second(contenders, num_rounds=effort.num_rounds, num_steps=effort.num_steps)
    return dict(zip([(side[0], side[1]) for side in sides], speeds, strict=True))


def _row(
    shape: Shape, ours: str, theirs: str, speeds: dict[tuple[str, str], float]
) -> tuple[str, ...]:
    our_speed, their_speed = speeds["xmod", ours], speeds["transformers", theirs]
    return (
        shape.name,
        str(shape.num_threads),
        ours,
        theirs,
        f"{our_speed:,.0f}",
        f"{their_speed:,.0f}",
        f"{our_speed / their_speed:.2f}",
    )


def _languages(shape: Shape, *, num_steps: int, num_rounds: int) -> Table:
    few, many = (
        Contender(
            library="xmod",
            precision="float32",
            shape=replace(shape, num_languages=number, num_threads=1),
        )
        for number in (13, 75)
    )
    with_few, with_many = tokens_per_second([few, many], num_steps=num_steps, num_rounds=num_rounds)
    return Table(
        title="A step with 75 languages against one with 13",
        explanation=f"Ours, {shape.name}, float32, 1 thread, the languages in turn.",
        columns=("tokens/s, 13 languages", "tokens/s, 75 languages", "step time, 75 to 13"),
        rows=((f"{with_few:,.0f}", f"{with_many:,.0f}", f"{with_few / with_many:.3f}"),),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_speed")
    parser.add_argument("--quick", action="store_true", help="fewer steps, no base size")
    for table in run(quick=parser.parse_args().quick):
        show(table)


if __name__ == "__main__":
    main()
