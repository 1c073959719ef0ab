"""SQuAD v1.1's scores, against cases worked out by hand by the official rules."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmod.tasks.examples import Answer, QaExample
from xmod.tasks.metrics.answers import AnswerScores
from xmod.tasks.metrics.squad import normalize, score_squad


def score(*cases: tuple[str, tuple[str, ...]]) -> AnswerScores:
    """The scores of predictions, each with its gold answers."""
    examples = [
        QaExample(str(id_), "?", "", tuple(Answer(0, text) for text in answers))
        for id_, (_, answers) in enumerate(cases)
    ]
    return score_squad(examples, {str(id_): text for id_, (text, _) in enumerate(cases)})


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("The Cat", "cat"),
        ("An  apple,\ta\u2003day\u2028now", "apple day now"),
        ("Another theatre", "another theatre"),
        ("the-cat", "thecat"),  # punctuation goes first, without a space in its place
        ("U.S.", "us"),
        ("a.", ""),
        ("$1,000 (1990s)", "1000 1990s"),
        ("ÉCOLE", "école"),
        ("the école a", "école"),
        ("«das Haus» – 1–2", "«das haus» – 1–2"),  # other scripts' punctuation stays
        ("他来了。", "他来了。"),
        ("a\u0308", "\u0308"),  # a combining mark is no letter: the article is taken out of it
    ],
)
def test_normalization(text: str, normalized: str) -> None:
    assert normalize(text) == normalized


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("the Eiffel Tower!", ("Eiffel tower",), 100.0, 100.0),
        # 1 shared token of 2 and of 3: precision 1/2, recall 1/3.
        ("Eiffel bridge", ("a tower of Eiffel",), 0.0, 40.0),
        # A token counts as often as both have it: 2 shared of 4 and of 2.
        ("New York New York", ("York, New",), 0.0, 200 / 3),
        # The best over answers, of each score by itself.
        ("in 1869", ("1870", "1869", "since 1869 in May"), 0.0, 200 / 3),
        ("in 1869", ("1870", "in 1869", "in"), 100.0, 100.0),
        ("", ("1869",), 0.0, 0.0),
        ("1869", ("18 69",), 0.0, 0.0),
        # Of which nothing is left: equal, but no token is shared.
        ("the", ("a!",), 100.0, 0.0),
        # One token a phrase where the script has no spaces.
        ("สร้างในปี", ("สร้างใน",), 0.0, 0.0),
    ],
)
def test_by_hand(prediction: str, answers: tuple[str, ...], exact: float, f1: float) -> None:
    scores = score((prediction, answers))
    assert scores.exact_match == exact
    assert scores.f1 == pytest.approx(f1)


def test_scores_are_means_over_questions() -> None:
    scores = score(("Ida", ("Ida",)), ("Ida Smith", ("Ida", "Ida Smith Jones")), ("x", ("y",)))
    assert (scores.num_exact, scores.num_examples) == (1, 3)
    assert scores.exact_match == pytest.approx(100 / 3)
    assert scores.f1 == pytest.approx((100 + 80 + 0) / 3)
    assert scores.is_exact == (True, False, False)
    assert scores.example_f1 == pytest.approx((100, 80, 0))


answers = st.text(st.sampled_from("ab the1é" + string.punctuation), max_size=20)


@given(text=answers)
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize(text)
    assert once == once.lower().strip()
    assert not set(once) & set(string.punctuation)
    assert normalize(once) == once


@given(text=answers, other=answers)
def test_f1_is_symmetric_and_gold_scores_100(text: str, other: str) -> None:
    scores, turned = score((text, (other,))), score((other, (text,)))
    assert scores.f1 == pytest.approx(turned.f1)
    assert scores.exact_match == turned.exact_match
    assert 0 <= scores.f1 <= 100
    itself = score((text, (other, text)))
    assert itself.exact_match == 100.0
    assert itself.f1 == (pytest.approx(100.0) if normalize(text) else 0.0)
