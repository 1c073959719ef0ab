"""SQuAD's document, and what XQuAD's has otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tasks.formats.format_files import read_all, refusal, write
from xmod.tasks.examples import Answer, QaExample

CONTEXT = "The lighthouse \U0001f5fc was built in 1869 by Ida,\u2028 an engineer."


def answer(text: str, **changes: Any) -> dict[str, Any]:
    return {"text": text, "answer_start": CONTEXT.index(text)} | changes


def question(id: Any = "q1", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "question": "Who built it?",
        "answers": [answer("Ida"), answer("Ida,\u2028 an engineer")],
    } | changes


def document(*questions: Any, **changes: Any) -> dict[str, Any]:
    paragraph = {"context": CONTEXT, "qas": list(questions)}
    return {"version": "1.1", "data": [{"title": "A", "paragraphs": [paragraph]}]} | changes


def write_document(path: Path, value: Any, **options: Any) -> Path:
    return write(path, json.dumps(value, **options))


@pytest.mark.parametrize("version", ["1.1", 1.0, None])
@pytest.mark.parametrize("options", [{}, {"ensure_ascii": False, "indent": 2}])
def test_all_answers_are_read(tmp_path: Path, version: Any, options: dict[str, Any]) -> None:
    other = question("q2", question="When?", answers=[answer("1869")])
    path = write_document(tmp_path / "x", document(question(), other, version=version), **options)
    examples, drops = read_all("squad", path)
    start = CONTEXT.index("Ida")
    answers = (Answer(start, "Ida"), Answer(start, "Ida,\u2028 an engineer"))
    assert examples == [
        QaExample("q1", "Who built it?", CONTEXT, answers),
        QaExample("q2", "When?", CONTEXT, (Answer(CONTEXT.index("1869"), "1869"),)),
    ]
    assert not drops


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "x", "\ufeff" + json.dumps(document(question())))
    assert len(read_all("squad", path)[0]) == 1


FIRST = "data[0].paragraphs[0].qas[0]"


@pytest.mark.parametrize(
    ("questions", "problem"),
    [
        (
            [question(answers=[answer("Ida", answer_start=0)])],
            f"{FIRST}.answers[0] (question 'q1'): the answer is 'Ida', but at character 0 of its "
            "context stands 'The'; legal: the same text",
        ),
        (
            [question(answers=[{"answer_start": 0, "text": ""}])],
            f"{FIRST}.answers[0] (question 'q1'): the answer is empty: this copy's answers were "
            "taken out",
        ),
        (
            [question(answers=[answer("Ida", answer_start=len(CONTEXT))])],
            f"{FIRST}.answers[0] (question 'q1'): the answer is 'Ida', but at character "
            f"{len(CONTEXT)} of its context stands ''",
        ),
        *(
            (
                [question(answers=[answer("The", answer_start=start)])],
                f"{FIRST}.answers[0] (question 'q1'): answer_start is {start!r}; legal: a number",
            )
            for start in (-1, "0", True, 0.0, None)
        ),
        ([question(answers=[])], f"{FIRST} (question 'q1') has no answer; legal: at least one"),
        (
            [question(), question()],
            f"data[0].paragraphs[0].qas[1]: question 'q1' stands at {FIRST} already; legal: once",
        ),
        ([question(id=7)], f"{FIRST}: id is 7; legal: a text"),
        ([question(question=None)], f"{FIRST} (question 'q1'): question is None; legal: a text"),
        ([question(answers=None)], f"{FIRST} (question 'q1'): answers is None; legal: a list"),
        ([question(answers=[{}])], f"{FIRST}.answers[0] (question 'q1'): text is missing"),
        (["q1"], f"{FIRST} is 'q1'; legal: an object in braces"),
    ],
)
def test_a_bad_question_is_refused(tmp_path: Path, questions: list[Any], problem: str) -> None:
    path = write_document(tmp_path / "x", document(*questions))
    assert refusal("squad", path).startswith(f"{path}: {problem}")


def test_an_offset_in_bytes_is_refused(tmp_path: Path) -> None:
    """Offsets are code points: the tower counts once, not four or two times."""
    for encoding in ("utf-8", "utf-16-le"):
        before = CONTEXT[: CONTEXT.index("Ida")].encode(encoding)
        start = len(before) // (2 if encoding == "utf-16-le" else 1)
        path = write_document(
            tmp_path / "x", document(question(answers=[answer("Ida", answer_start=start)]))
        )
        assert "the answer is 'Ida', but at character" in refusal("squad", path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[]", ":1: JSON, but []; legal: one whole JSON object: SQuAD's train-v1.1.json"),
        ("{}", ": data is missing; legal: a list, as in SQuAD v1.1"),
        ('{"data": [{"title": "A"}]}', ": data[0]: paragraphs is missing; legal: a list"),
        ('{"data": [{"paragraphs": [{}]}]}', ": data[0].paragraphs[0]: context is missing"),
        ('{"data": []}', " has no example for en"),
        ("", ":1: broken JSON at column 1 (Expecting value)"),
        ('{\n"data": [\n', ":2: broken JSON at column 10 (Expecting value); legal: one whole"),
        ('{"data": ' + "[" * 100_000, ":1: broken JSON (maximum recursion"),
    ],
)
def test_another_document_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    path = write(tmp_path / "x", content)
    assert refusal("squad", path).startswith(f"{path}{problem}")
