"""Natural language inference: pairs to `<s> premise </s></s> hypothesis </s>`, scores to labels.

The label is read off `<s>` (X-MOD section 3). A pair that is too long loses tokens at the end of
its longer part, then of both in turn, as in transformers' `longest_first`; this is counted.

Shapes: N pairs, L tokens of one, C labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.tasks.examples import NLI_LABELS, NliExample, TaskDataError
from xmod.tasks.features import EncodedSequence, Features, check_finite
from xmod.tasks.predictions import NliPrediction
from xmod.tokenization.vocabulary import END, START, Vocabulary

_SPECIAL_TOKENS: Final = 4
_LABEL_IDS: Final = {label: number for number, label in enumerate(NLI_LABELS)}


def encode_nli(
    examples: Iterable[NliExample],
    *,
    vocabulary: Vocabulary,
    max_length: int,
    counts: dict[str, int],
) -> Iterator[EncodedSequence]:
    """One sequence an example, of at most `max_length` tokens, with its `label`.

    Fills `counts`: `num_examples`, `num_truncated` pairs and `num_tokens_lost` by that. Raises
    TaskDataError for a label that is none of NLI_LABELS.
    """
    budget = max_length - _SPECIAL_TOKENS
    if budget < 2:
        raise ValueError(f"max_length is {max_length}; a pair needs at least 6")
    counts.update(dict.fromkeys(("num_examples", "num_truncated", "num_tokens_lost"), 0))
    for example in examples:
        if example.label not in _LABEL_IDS:
            raise TaskDataError(
                f"example {example.id!r}: label {example.label!r} is none of {NLI_LABELS}"
            )
        premise, hypothesis = vocabulary.encode([example.premise, example.hypothesis])
        kept = truncated_lengths(len(premise), len(hypothesis), budget)
        counts["num_examples"] += 1
        num_lost = len(premise) + len(hypothesis) - sum(kept)
        counts["num_truncated"] += num_lost > 0
        counts["num_tokens_lost"] += num_lost
        parts = ([START], premise[: kept[0]], [END, END], hypothesis[: kept[1]], [END])
        yield EncodedSequence(
            ids=np.concatenate(parts, dtype=np.int32),
            per_sequence={"label": _LABEL_IDS[example.label]},
        )


def truncated_lengths(first: int, second: int, budget: int) -> tuple[int, int]:
    """How much of two parts is kept when the longer always gives; at a tie, the second."""
    if first + second <= budget:
        return first, second
    if min(first, second) <= budget // 2:
        return (first, budget - first) if first < second else (budget - second, second)
    return budget - budget // 2, budget // 2


def decode_nli(
    features: Features, examples: Iterable[NliExample], scores_NC: NDArray[np.float32]
) -> Iterator[NliPrediction]:
    """The label with the highest score of each example; C is in the order of NLI_LABELS."""
    check_finite(scores_NC, shape=(len(features), len(NLI_LABELS)))
    best_N = scores_NC.argmax(axis=1)
    for number, example in features.match(examples):
        yield NliPrediction(example.id, NLI_LABELS[best_N[number]])
