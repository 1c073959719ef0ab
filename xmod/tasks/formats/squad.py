"""SQuAD v1.1 (Rajpurkar et al. 2016) and all that took its form: XQuAD (Artetxe et al. 2020), MLQA.

One JSON document: `data` > `paragraphs` > `qas` > `answers`. The field `version` differs from one
data set to the next and says nothing about the form, so it is not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from xmod.tasks.examples import Answer, QaExample, TaskDataError
from xmod.tasks.formats.interface import Request
from xmod.tasks.formats.reading import read_document, text_field

EXPECTED = "SQuAD's train-v1.1.json or dev-v1.1.json, or XQuAD's xquad.<language>.json"


class Node(NamedTuple):
    """An object of the document, and where it stands."""

    path: Path
    place: str
    """Such as `data[0].paragraphs[2]`; empty for the document itself."""
    record: dict[str, Any]
    question: str | None = None
    """The id of the question that it is, or is part of."""

    @property
    def where(self) -> str:
        """The place as errors begin."""
        place = f"{self.path}: {self.place}" if self.place else str(self.path)
        return place if self.question is None else f"{place} (question {self.question!r})"

    def children(self, key: str) -> Iterator[Node]:
        """The objects in the list at `key`; raises TaskDataError where it is no such list."""
        values = self.record.get(key)
        if not isinstance(values, list):
            found = f"is {values!r:.60}" if key in self.record else "is missing"
            raise TaskDataError(f"{self.where}: {key} {found}; legal: a list, as in SQuAD v1.1")
        for index, value in enumerate(values):
            place = f"{self.place}.{key}[{index}]".removeprefix(".")
            if not isinstance(value, dict):
                raise TaskDataError(
                    f"{self.path}: {place} is {value!r:.60}; legal: an object in braces"
                )
            yield Node(self.path, place, value, self.question)

    def text(self, key: str) -> str:
        return text_field(self.record, key, where=self.where)


def read_squad(request: Request, drops: Counter[str]) -> Iterator[QaExample]:
    """Yield the questions; nothing is dropped, and all answers of a question are kept.

    The file does not say its language. Raises TaskDataError where it is not of this form, where a
    question comes twice, and where an answer does not stand in its context.
    """
    del drops
    yield from read_questions(request.path, expected=EXPECTED)


def read_questions(path: Path, *, expected: str) -> Iterator[QaExample]:
    """What `read_squad` yields; `expected` says what belongs at `path`, for the message."""
    places: dict[str, str] = {}
    document = Node(path, "", read_document(path, expected=expected))
    for article in document.children("data"):
        for paragraph in article.children("paragraphs"):
            context = paragraph.text("context")
            for question in paragraph.children("qas"):
                example = _example(question, context)
                if example.id in places:
                    raise TaskDataError(
                        f"{question.where}: question {example.id!r} stands at "
                        f"{places[example.id]} already; legal: once. Was a file joined with "
                        "itself? take a fresh copy"
                    )
                places[example.id] = question.place
                yield example


def _example(node: Node, context: str) -> QaExample:
    question = node._replace(question=node.text("id"))
    answers = tuple(_answer(answer, context) for answer in question.children("answers"))
    if not answers:
        raise TaskDataError(
            f"{question.where} has no answer; legal: at least one. SQuAD 2.0, whose questions can "
            "be without, is another task: take v1.1"
        )
    return QaExample(node.text("id"), question.text("question"), context, answers)


def _answer(node: Node, context: str) -> Answer:
    text = node.text("text")
    start = node.record.get("answer_start")
    if type(start) is not int or start < 0:  # JSON's true would pass as the number 1
        raise TaskDataError(f"{node.where}: answer_start is {start!r}; legal: a number from 0")
    if not text:
        raise TaskDataError(
            f"{node.where}: the answer is empty: this copy's answers were taken out, as in the "
            "test sets of XTREME; take the data set's own distribution"
        )
    found = context[start : start + len(text)]
    if found != text:
        raise TaskDataError(
            f"{node.where}: the answer is {text!r:.80}, but at character {start} of its context "
            f"stands {found!r:.80}; legal: the same text. Was the context changed after the "
            "answers were marked?"
        )
    return Answer(start, text)
