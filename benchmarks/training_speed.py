"""Training tokens a second against transformers' X-MOD, and 75 languages against 13.

A step is forward, backward and AdamW at dropout 0.1 for hidden states and attention. Both sides
see the same shapes, threads, batches of one language and optimizer; transformers computes its
own loss, over the logits of every position, as its users train it.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.comparison import (
    EFFORTS,
    QUICK_EFFORTS,
    Effort,
    columns,
    compare,
    equal_and_usual,
)
from benchmarks.interleave import work_per_second
from benchmarks.pretraining import Pretraining
from benchmarks.report import Table, explanation, main
from benchmarks.shapes import BASE, TINY, Shape

PAPER_VOCABULARY = replace(
    BASE, name="base, vocabulary 250,002", vocabulary_size=250_002, num_sequences=1
)
PAPER_EFFORT = Effort(PAPER_VOCABULARY, 1, 3)


def run(*, quick: bool) -> list[Table]:
    rows = [
        row
        for effort in (QUICK_EFFORTS if quick else EFFORTS)
        for row in compare(effort, equal_and_usual(Pretraining, effort.shape))
    ]
    if not quick:
        # One at a time: two models of this size at once fill a laptop.
        equal = equal_and_usual(Pretraining, PAPER_VOCABULARY)[:2]
        rows += compare(PAPER_EFFORT, equal, at_once=False)
    return [
        Table(
            title="Training, tokens a second against transformers",
            explanation=explanation(__doc__),
            columns=columns("tokens"),
            rows=tuple(rows),
        ),
        _languages(TINY, num_steps=5, num_rounds=3 if quick else 10),
    ]


def _languages(shape: Shape, *, num_steps: int, num_rounds: int) -> Table:
    few, many = (
        Pretraining(
            library="xmod",
            precision="float32",
            shape=replace(shape, num_languages=number, num_threads=1),
        )
        for number in (13, 75)
    )
    with_few, with_many = work_per_second([few, many], num_steps=num_steps, num_rounds=num_rounds)
    return Table(
        title="A step with 75 languages against one with 13",
        explanation=f"Ours, {shape.name}, float32, 1 thread, the languages in turn.",
        columns=("tokens/s, 13 languages", "tokens/s, 75 languages", "step time, 75 to 13"),
        rows=((f"{with_few:,.0f}", f"{with_many:,.0f}", f"{with_few / with_many:.3f}"),),
    )


if __name__ == "__main__":
    main(run)
