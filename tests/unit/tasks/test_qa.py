"""QA: windows that lose nothing, and answers that come back from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.unit.tasks.many_scripts import encoded, reference_tokenizer, texts, vocabulary
from xmod.tasks.examples import Answer, QaExample
from xmod.tasks.features import Features
from xmod.tasks.qa import NO_ANSWER, best_span, decode_qa, encode_qa

SETTINGS = {"max_length": 24, "max_question_tokens": 8, "stride": 7}
LONG = SETTINGS | {"max_length": 512}
CONTEXT = (
    "kato mire cafe\u0301 ﬁn ① ＡＢＣ 😀 العَرَبِيَّة، ภาษาไทยกำลัง 中文， 測試。 (118) ｶﾞ x\u0308 sunlo"
)


def question(
    answer: str, *, context: str = CONTEXT, text: str = "mire sunlo?", name: str = "1"
) -> QaExample:
    return QaExample(name, text, context, (Answer(context.index(answer), answer),))


def one_hot(features: Features) -> NDArray[np.float32]:
    """Scores of a model that is right in every window; `<s>` has the highest ones everywhere."""
    scores = np.zeros((len(features.ids), 2), dtype=np.float32)
    for side, name in enumerate(("answer_start", "answer_end")):
        places = features.per_sequence[name]
        has_answer = places != NO_ANSWER
        scores[features.offsets[:-1][has_answer] + places[has_answer], side] = 1
        scores[features.offsets[:-1], side] = 2
    return scores


def answered(examples: list[QaExample], path: Path, **changes: int) -> tuple[list[str], Features]:
    features = encoded("qa", examples, path, **SETTINGS | changes)
    predicted = decode_qa(features, examples, one_hot(features), max_answer_tokens=10**3)
    return [one.text for one in predicted], features


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *((text, text) for text in ("kato", "mire", "cafe\u0301", "①", "ＡＢＣ", "😀", "ภาษาไทย")),
        *((text, text) for text in ("العَرَبِيَّة", "中文", "測試。", "(118)", "118", "ｶﾞ", "x\u0308")),
        ("ﬁ", "ﬁ"),
        ("cafe", "cafe\u0301"),
        ("ato", "kato"),
        ("ｶ", "ｶﾞ"),
        ("ＢＣ", "ＡＢＣ"),
        (" ﬁn ", "ﬁn"),
        ("mire cafe\u0301", "mire cafe\u0301"),
    ],
)
def test_answers_come_back(tmp_path: Path, answer: str, expected: str) -> None:
    """As they stand in the context, or the smallest run of tokens around them."""
    (found,), features = answered([question(answer)], tmp_path / "en.features", stride=2)
    assert found == expected
    assert features.index.counts["num_answers_inexact"] == (answer.strip() != expected)
    assert features.index.counts["num_windows"] > 1


@st.composite
def questions(draw: st.DrawFn) -> QaExample:
    context = draw(texts.filter(lambda text: len(text) > 0))
    start = draw(st.integers(0, len(context) - 1))
    end = draw(st.integers(start + 1, len(context)))
    return QaExample(str(start), draw(texts), context, (Answer(start, context[start:end]),))


@given(example=questions())
@settings(max_examples=150)
def test_any_answer_comes_back(
    tmp_path_factory: pytest.TempPathFactory, example: QaExample
) -> None:
    path = tmp_path_factory.mktemp("qa") / "en.features"
    (found,), features = answered([example], path, max_length=500, stride=100)
    gold = example.answers[0]
    _, spans = vocabulary().encode_with_spans(example.context)
    runs = [
        (int(begin), int(end))
        for begin, end in spans
        if begin < end and begin < gold.start + len(gold.text) and end > gold.start
    ]
    counts = features.index.counts
    assert counts["num_answers_without_tokens"] == (not runs)
    if runs:
        assert found == example.context[runs[0][0] : runs[-1][1]]
        assert counts["num_answers_inexact"] == (found != gold.text.strip())


@given(
    num_tokens=st.integers(1, 120),
    answer=st.tuples(st.integers(0, 60), st.integers(1, 20)),
    question_words=st.integers(0, 12),
    stride=st.integers(1, 40),
    max_length=st.integers(13, 60),
)
@settings(max_examples=60)
def test_windows_are_those_of_a_plain_loop(
    num_tokens: int, answer: tuple[int, int], question_words: int, stride: int, max_length: int
) -> None:
    """Devlin et al. 2019's, written out; each character is a token, after the first one's `▁`."""
    context = "中" * num_tokens
    start = answer[0] % num_tokens
    gold = Answer(start, context[start : start + answer[1]])
    example = QaExample("1", "kato " * question_words, context, (gold,))
    counts: dict[str, int] = {}
    found = list(
        encode_qa(
            [example],
            vocabulary=vocabulary(),
            max_length=max_length,
            max_question_tokens=8,
            stride=stride,
            counts=counts,
        )
    )
    asked, tokens = (ids.tolist() for ids in vocabulary().encode([example.question, context]))
    room = max_length - 4 - len(asked[:8])
    expected, targets, first = [], [], 0
    while True:
        expected.append([0, *asked[:8], 2, 2, *tokens[first : first + room], 2])
        before = 3 + len(asked[:8]) - first
        begin, end = 1 + start, start + len(gold.text)  # the first and the last token
        is_inside = first <= begin and end < first + room
        targets.append((begin + before, end + before) if is_inside else (0, 0))
        if first + room >= len(tokens):
            break
        first += min(stride, room)
    assert [window.ids.tolist() for window in found] == expected
    assert [
        (window.per_sequence["answer_start"], window.per_sequence["answer_end"]) for window in found
    ] == targets
    assert counts["num_windows"] == len(expected)
    assert counts["num_questions_truncated"] == (len(asked) > 8)


def test_a_sequence_is_that_of_transformers(tmp_path: Path) -> None:
    features = encoded("qa", [question("kato")], tmp_path / "en.features", **LONG)
    reference = reference_tokenizer(tmp_path)
    assert features.ids.tolist() == reference("mire sunlo?", CONTEXT)["input_ids"]
    begin, end = features.per_token["begin"], features.per_token["end"]
    pieces = [CONTEXT[a:b] for a, b in zip(begin, end, strict=True)]
    asked = len(reference("mire sunlo?")["input_ids"]) + 1
    assert pieces[:asked] == [""] * asked
    assert pieces[-1] == ""
    assert "".join(pieces[asked:-1]) == CONTEXT.replace(" ", "").replace("ﬁ", "ﬁﬁ").replace(
        "ำ", "ำำ"
    )


def test_an_answer_begins_at_its_first_character(tmp_path: Path) -> None:
    """Not at the lone `▁` before, even where the gold answer begins with the space."""
    features = encoded("qa", [question(" 測")], tmp_path / "en.features", **LONG)
    (start,), (end,) = (features.per_sequence[name] for name in ("answer_start", "answer_end"))
    assert start == end
    assert vocabulary().piece(features.ids[start]) == "測"


def test_windows_without_the_answer_are_kept(tmp_path: Path) -> None:
    far = question("sunlo", name="far")
    wide = question(CONTEXT[5:-6], name="wide")
    empty = QaExample("empty", "kato", " \u200b", (Answer(0, " "),))
    found, features = answered([far, wide, empty], tmp_path / "en.features")
    counts = features.index.counts
    assert found[0] == "sunlo"
    assert found[2] == ""
    assert counts["num_answers_in_no_window"] == 1
    assert counts["num_answers_without_tokens"] == 1
    starts = features.per_sequence["answer_start"]
    assert counts["num_windows_without_answer"] == int((starts == NO_ANSWER).sum())
    assert sorted(set(features.per_sequence["example"].tolist())) == [0, 1, 2]


def naive_span(
    scores: NDArray[np.float32], allowed: NDArray[np.bool_], most: int
) -> tuple[float, int, int] | None:
    spans = [
        (-float(np.float64(scores[a, 0]) + scores[b, 1]), a, b)
        for a in range(len(scores))
        for b in range(a, min(a + most, len(scores)))
        if allowed[a] and allowed[b]
    ]
    return min(spans) if spans else None


@given(
    seed=st.integers(0, 10**6),
    length=st.integers(1, 30),
    most=st.integers(1, 40),
    share=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_the_best_span_is_found(seed: int, length: int, most: int, share: float) -> None:
    """Against looking at each; few different scores, so that there are ties."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 3, (length, 2)).astype(np.float32)
    allowed = rng.random(length) < share
    expected = naive_span(scores, allowed, most)
    found = best_span(scores, allowed, most)
    if expected is None or found is None:
        assert found is expected
        return
    assert (-found.score, found.start, found.end) == expected


def test_the_best_window_wins(tmp_path: Path) -> None:
    """And `<s>`, the question and a lone `▁` are no answers, whatever their scores."""
    examples = [question("kato", name=name) for name in ("a", "b")]
    features = encoded("qa", examples, tmp_path / "en.features", **SETTINGS)
    scores = np.zeros((len(features.ids), 2), dtype=np.float32)
    has_no_text = features.per_token["begin"] == features.per_token["end"]
    scores[has_no_text] = 9
    (windows,) = np.nonzero(features.per_sequence["example"] == 1)
    place = features.offsets[windows[-1] + 1] - 2
    scores[place] = 1
    first, second = decode_qa(features, examples, scores, max_answer_tokens=5)
    assert first.text == "ka"
    assert first.score == 0.0
    assert (second.text, second.score) == (CONTEXT[features.per_token["begin"][place] :], 2.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_length": 12}, "leaves no room for a context"),
        ({"max_question_tokens": 0}, "at least 1"),
        ({"stride": 0}, "stride is 0"),
    ],
)
def test_impossible_settings_are_refused(
    tmp_path: Path, changes: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        encoded("qa", [question("kato")], tmp_path / "en.features", **SETTINGS | changes)


def test_a_context_is_encoded_once() -> None:
    class Counting:
        calls = 0

        def encode_with_spans(self, text: str) -> object:
            self.calls += 1
            return vocabulary().encode_with_spans(text)

        encode = staticmethod(vocabulary().encode)

    counting = Counting()
    examples = [question("kato"), question("mire"), question("sunlo")]
    list(encode_qa(examples, vocabulary=counting, counts={}, **SETTINGS))  # type: ignore[arg-type]
    assert counting.calls == 1
