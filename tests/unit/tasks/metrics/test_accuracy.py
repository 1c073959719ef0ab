"""Accuracy of natural language inference."""

from __future__ import annotations

import pytest

from xmod.tasks.examples import NLI_LABELS, NliExample
from xmod.tasks.metrics.accuracy import score_accuracy

LABELS = ("entailment", "neutral", "neutral", "contradiction")
EXAMPLES = [NliExample(str(id_), "A", "B", label) for id_, label in enumerate(LABELS)]


def test_by_hand() -> None:
    predicted = ("entailment", "neutral", "contradiction", "neutral")
    scores = score_accuracy(EXAMPLES, {str(id_): one for id_, one in enumerate(predicted)})
    assert scores.accuracy == 50.0
    assert (scores.num_correct, scores.num_examples) == (2, 4)
    assert scores.is_correct == (True, True, False, False)


@pytest.mark.parametrize(
    ("label", "accuracy"), list(zip(NLI_LABELS, (25.0, 50.0, 25.0), strict=True))
)
def test_a_constant_prediction_scores_its_share(label: str, accuracy: float) -> None:
    assert score_accuracy(EXAMPLES, dict.fromkeys("0123", label)).accuracy == accuracy


def test_gold_scores_100() -> None:
    assert score_accuracy(EXAMPLES, {one.id: one.label for one in EXAMPLES}).accuracy == 100.0


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="prediction of '0': 'yes'; legal: entailment, neutral, "):
        score_accuracy(EXAMPLES, dict.fromkeys("0123", "yes"))
