"""One form for every task's examples, whatever file they were read from.

A set of examples (one task, one split, one language) is a JSON-lines file that a person can read
and every later stage reads: `results/<name>/tasks/<task>/<set>/<iso>.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from xmod.config_tasks import TaskKind
from xmod.files import atomic_path

NLI_LABELS = ("entailment", "neutral", "contradiction")
NER_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")


class TaskDataError(ValueError):
    """A task's file cannot be used; the message names the file, the line and what to do."""


@dataclass(frozen=True, slots=True)
class NliExample:
    """Whether a premise entails a hypothesis."""

    id: str
    premise: str
    hypothesis: str
    label: str
    """One of NLI_LABELS."""


@dataclass(frozen=True, slots=True)
class NerExample:
    """A sentence of words, each with its tag."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...]
    """Of NER_TAGS, one a word."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A span of a context."""

    start: int
    """In characters (code points) from the context's beginning."""
    text: str


@dataclass(frozen=True, slots=True)
class QaExample:
    """A question whose answer is a span of its context."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    """At least one; `context[start : start + len(text)] == text`."""


Example = NliExample | NerExample | QaExample
EXAMPLE_TYPES: dict[TaskKind, type[NliExample] | type[NerExample] | type[QaExample]] = {
    "nli": NliExample,
    "ner": NerExample,
    "qa": QaExample,
}
assert tuple(EXAMPLE_TYPES) == get_args(TaskKind)


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write one JSON object a line, atomically and streaming; returns how many."""
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for count, example in enumerate(examples, start=1):  # noqa: B007 - the last is the count
            file.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")
    return count


def read_examples(path: Path, kind: TaskKind) -> Iterator[Example]:
    """Stream what `write_examples` wrote; raises TaskDataError naming file and line."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _parse(json.loads(line), kind)
            except (ValueError, TypeError, KeyError) as error:
                raise TaskDataError(
                    f"{path}:{number} is no {kind} example ({error}); delete it, to make it anew"
                ) from error


def _parse(record: dict, kind: TaskKind) -> Example:  # type: ignore[type-arg]
    if kind == "ner":
        return NerExample(record["id"], tuple(record["words"]), tuple(record["tags"]))
    if kind == "qa":
        answers = tuple(Answer(**answer) for answer in record["answers"])
        return QaExample(record["id"], record["question"], record["context"], answers)
    return NliExample(**record)
