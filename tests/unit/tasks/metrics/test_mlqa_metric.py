"""MLQA's scores, against cases worked out by hand by the official rules of each language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmod.tasks.examples import Answer, QaExample
from xmod.tasks.metrics.mlqa import ARTICLES, normalize, score_mlqa


@pytest.mark.parametrize(
    ("language", "text", "normalized"),
    [
        ("en", "The Cat – an «A» thing", "cat thing"),
        ("es", "¿Los gatos, o UNA gata de la casa?", "gatos o gata de casa"),
        ("es", "Elena las ve", "elena ve"),
        ("de", "Das Ende der „Eiszeit“, eine Zeit", "ende eiszeit zeit"),
        ("de", "Einem Derwisch", "derwisch"),
        ("vi", "Những con của cái nhà", "con nhà"),
        ("vi", "Là một chiếc xe", "một xe"),
        ("vi", "Láng giềng", "láng giềng"),
        ("hi", "१८६९ में, बना।", "१८६९ में बना"),
        ("hi", "the a", "the a"),
        ("ar", "البيت، الكبير؟", "بيت كبير"),
        ("ar", "والبيت", "و بيت"),  # within a word as well, as the official pattern has it
        ("ar", "مثال", "مث"),
        ("ar", "بيت", "بيت"),
        ("zh", "他在1869年来了。", "他 在 1869 年 来 了"),
        ("zh", "New York市，《美国》", "new york 市 美 国"),
        ("zh", "A、B", "ab"),  # punctuation goes first, without a space in its place
        ("zh", "\u9fa5\u9fa6\u9fa7\u3400x", "\u9fa5 \u9fa6\u9fa7\u3400x"),
        ("zh", "a\u3000b", "a b"),
        # Currency and mathematical signs are no punctuation, but those of ASCII are taken out.
        ("en", "$5 + €5 = ^", "5 €5"),
    ],
)
def test_normalization(language: str, text: str, normalized: str) -> None:
    assert normalize(text, language=language) == normalized


@pytest.mark.parametrize(
    ("language", "prediction", "answer", "exact", "f1"),
    [
        ("de", "die Eiszeit", "Eiszeit", 100.0, 100.0),
        ("es", "die Eiszeit", "Eiszeit", 0.0, 200 / 3),
        ("ar", "البيت", "بيت", 100.0, 100.0),
        ("zh", "1869年来", "1869年", 0.0, 80.0),  # 2 shared of 3 and of 2
        ("zh", "二〇〇八年。", "二〇〇八年", 100.0, 100.0),
        ("hi", "बना।", "बना", 100.0, 100.0),
        ("en", "", "The", 100.0, 0.0),
    ],
)
def test_by_hand(language: str, prediction: str, answer: str, exact: float, f1: float) -> None:
    example = QaExample("1", "?", "", (Answer(0, answer),))
    scores = score_mlqa([example], {"1": prediction}, language=language)
    assert scores.exact_match == exact
    assert scores.f1 == pytest.approx(f1)


def test_the_best_answer_counts() -> None:
    example = QaExample("1", "?", "", (Answer(0, "Wien"), Answer(0, "das alte Wien")))
    scores = score_mlqa([example], {"1": "alte Wien"}, language="de")
    assert (scores.exact_match, scores.f1, scores.num_exact) == (100.0, 100.0, 1)


@pytest.mark.parametrize("language", ["ru", "zh-Hans", ""])
def test_another_language_has_no_rule(language: str) -> None:
    problem = f"language {language!r} is not MLQA's, .* legal: en, es, hi, vi, de, ar, zh"
    with pytest.raises(ValueError, match=problem):
        normalize("text", language=language)
    with pytest.raises(ValueError, match=problem):
        score_mlqa([QaExample("1", "?", "", (Answer(0, "a"),))], {"1": "a"}, language=language)


@given(
    language=st.sampled_from(sorted(ARTICLES)),
    text=st.text(st.sampled_from("aA the Das,。«ال ابيت他来1.को–"), max_size=20),
    other=st.text(st.sampled_from("aA the Das,。«ال ابيت他来1.को–"), max_size=20),
)
def test_gold_scores_100_and_f1_is_symmetric(language: str, text: str, other: str) -> None:
    def f1(prediction: str, answer: str) -> float:
        example = QaExample("1", "?", "", (Answer(0, answer),))
        return score_mlqa([example], {"1": prediction}, language=language).f1

    assert f1(text, other) == pytest.approx(f1(other, text))
    assert 0 <= f1(text, other) <= 100
    has_tokens = bool(normalize(text, language=language))
    assert f1(text, text) == (pytest.approx(100.0) if has_tokens else 0.0)
