"""Accuracy of natural language inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xmod.tasks.examples import NLI_LABELS, NliExample
from xmod.tasks.metrics.pairing import pair


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyScores:
    """How many labels are right."""

    accuracy: float
    """In percent."""
    num_correct: int
    num_examples: int
    is_correct: tuple[bool, ...]
    """By example, in their order."""


def score_accuracy(
    examples: Sequence[NliExample], predictions: Mapping[str, str]
) -> AccuracyScores:
    """Score predicted labels; raises ValueError for an unknown label and as `pair`."""
    pairs = pair(examples, predictions)
    for example, label in pairs:
        if label not in NLI_LABELS:
            raise ValueError(
                f"prediction of {example.id!r}: {label!r}; legal: {', '.join(NLI_LABELS)}"
            )
    is_correct = tuple(example.label == label for example, label in pairs)
    return AccuracyScores(
        accuracy=100 * sum(is_correct) / len(is_correct),
        num_correct=sum(is_correct),
        num_examples=len(is_correct),
        is_correct=is_correct,
    )
