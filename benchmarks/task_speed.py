"""Fine-tuning tokens a second, and zero-shot evaluation, against transformers' X-MOD."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.comparison import (
    EFFORTS,
    QUICK_EFFORTS,
    Effort,
    Row,
    columns,
    compare,
    equal_and_usual,
)
from benchmarks.downstream import (
    EXAMPLE_BATCH,
    LONGEST,
    MEAN_LENGTH,
    NUM_TEST,
    SHORTEST,
    Evaluation,
    FineTuning,
)
from benchmarks.report import Table, main
from benchmarks.shapes import ModelContender

_LENGTHS = (
    f"Pairs of random tokens have lengths like XNLI's, the same in every run: log-normal, "
    f"{MEAN_LENGTH} tokens on average, from {SHORTEST} to {LONGEST}."
)
EVALUATED_BATCHES = {"tiny": 8, "small": 4, "base": 2}
"""Of about 50: so that a step does not take minutes."""


def run(*, quick: bool) -> list[Table]:
    efforts = QUICK_EFFORTS if quick else EFFORTS
    return [
        Table(
            title="Fine-tuning, tokens a second against transformers",
            explanation="A step is forward, backward and AdamW of a sentence classifier (NLI) at "
            "dropout 0.1; embeddings, positions and modules are frozen. Both sides see the same "
            f"updates of 32 pairs, batched by length; or theirs are padded to {LONGEST} "
            f"tokens, as its example scripts do. Padding is not counted. {_LENGTHS}",
            columns=columns("tokens"),
            rows=tuple(row for effort in efforts for row in _both_paddings(effort, FineTuning)),
        ),
        Table(
            title="Zero-shot evaluation, sequences a second against transformers",
            explanation="Ours is `xmod.tasks.predicting.predict`. Theirs, in inference mode, is "
            "given the same batches, with the same padding; or, as its example scripts do, batches "
            f"of {EXAMPLE_BATCH} in the file's order, padded to {LONGEST} tokens. {_LENGTHS} Timed "
            f"are evenly spaced batches of the about 50 of a test set of {NUM_TEST:,}.",
            columns=columns("sequences"),
            rows=tuple(row for effort in efforts for row in _evaluation(effort)),
        ),
    ]


def _evaluation(effort: Effort) -> list[Row]:
    work = partial(Evaluation, num_batches=EVALUATED_BATCHES[effort.shape.name])
    return _both_paddings(effort._replace(num_steps=1), work)


def _both_paddings(effort: Effort, work: Callable[..., ModelContender]) -> list[Row]:
    """At equal padding, then ours in each precision against the example scripts."""
    pairs = equal_and_usual(work, effort.shape)
    (float32, _), (bfloat16, _), _ = pairs
    examples = work(
        library="transformers", precision="float32", shape=effort.shape, padding="to 128"
    )
    return compare(effort, [*pairs, (float32, examples), (bfloat16, examples)])


if __name__ == "__main__":
    main(run)
