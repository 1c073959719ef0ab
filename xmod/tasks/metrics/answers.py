"""What the metrics of question answering have in common: exact match, and F1 over tokens.

SQuAD's and MLQA's scripts differ only in how a text is normalised before it is compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xmod.tasks.examples import QaExample
from xmod.tasks.metrics.pairing import pair


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerScores:
    """Scores of predicted answers, each against the gold answer that it is nearest to."""

    exact_match: float
    """In percent, as F1."""
    f1: float
    num_exact: int
    num_examples: int
    is_exact: tuple[bool, ...]
    """By example, in their order."""
    example_f1: tuple[float, ...]
    """By example, in percent."""


def score_answers(
    examples: Sequence[QaExample],
    predictions: Mapping[str, str],
    *,
    normalize: Callable[[str], str],
) -> AnswerScores:
    """Score predicted texts; `normalize` returns tokens with a space between.

    Each of the two scores is the best over a question's gold answers. Raises ValueError as `pair`.
    """
    is_exact: list[bool] = []
    example_f1: list[float] = []
    for example, text in pair(examples, predictions):
        predicted = normalize(text)
        gold = [normalize(answer.text) for answer in example.answers]
        is_exact.append(predicted in gold)
        example_f1.append(100 * max(_token_f1(predicted.split(), one.split()) for one in gold))
    return AnswerScores(
        exact_match=100 * sum(is_exact) / len(is_exact),
        f1=sum(example_f1) / len(example_f1),
        num_exact=sum(is_exact),
        num_examples=len(is_exact),
        is_exact=tuple(is_exact),
        example_f1=tuple(example_f1),
    )


def _token_f1(predicted: list[str], gold: list[str]) -> float:
    """The harmonic mean of precision and recall over tokens, counted as often as they come.

    Two texts of which nothing is left share no token: 0, as in the official scripts, although they
    match exactly.
    """
    num_same = (Counter(predicted) & Counter(gold)).total()
    return 2 * num_same / (len(predicted) + len(gold)) if num_same else 0.0
