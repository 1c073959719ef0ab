"""Prediction files: what a model answered, example by example, so any score can be made again.

One gzip file of JSON lines a set and language, in the examples' order. The same predictions give
the same bytes: the gzip header holds neither time nor name.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from xmod.config_tasks import TaskKind
from xmod.files import atomic_path
from xmod.tasks.examples import TaskDataError

_COMPRESSION: Final = 6


@dataclass(frozen=True, slots=True)
class NliPrediction:
    """The label of a pair."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class NerPrediction:
    """The tags of a sentence, one a word."""

    id: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QaPrediction:
    """The answer to a question, as it stands in the context."""

    id: str
    text: str
    """Empty where the context has nothing to choose from."""
    score: float | None
    """The sum of the start's and the end's logit; None with an empty text."""


Prediction = NliPrediction | NerPrediction | QaPrediction


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> int:
    """Write one JSON object a line, atomically and streaming; returns how many."""
    count = 0
    with (
        atomic_path(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", _COMPRESSION, raw, mtime=0) as file,
    ):
        for count, prediction in enumerate(predictions, start=1):  # noqa: B007 - the last is the count
            line = json.dumps(asdict(prediction), ensure_ascii=False, allow_nan=False)
            file.write(line.encode() + b"\n")
    return count


def read_predictions(path: Path, kind: TaskKind) -> Iterator[Prediction]:
    """Stream what `write_predictions` wrote; raises TaskDataError naming file and line."""
    number = 0
    with gzip.open(path, "rb") as file:
        try:
            for line in file:
                number += 1
                yield _parse(json.loads(line), kind)
        except (ValueError, TypeError, KeyError, EOFError, gzip.BadGzipFile) as error:
            raise TaskDataError(
                f"{path}: line {number} or what follows it is no {kind} prediction ({error}); "
                f"delete it, to make it anew"
            ) from error


def _parse(record: dict, kind: TaskKind) -> Prediction:  # type: ignore[type-arg]
    if kind == "ner":
        return NerPrediction(record["id"], tuple(record["tags"]))
    if kind == "qa":
        return QaPrediction(**record)
    return NliPrediction(**record)
