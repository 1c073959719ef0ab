"""Prediction files: the same bytes for the same predictions, and read again."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from xmod.tasks.examples import TaskDataError, TaskKind
from xmod.tasks.predictions import (
    NerPrediction,
    NliPrediction,
    Prediction,
    QaPrediction,
    read_predictions,
    write_predictions,
)

PREDICTIONS: dict[TaskKind, list[Prediction]] = {
    "nli": [NliPrediction("1", "neutral"), NliPrediction("ü", "entailment")],
    "ner": [NerPrediction("1", ("O", "B-PER")), NerPrediction("2", ())],
    "qa": [QaPrediction("1", "ภาษา\n\u2028 ไทย", 0.1 + 0.2), QaPrediction("2", "", None)],
}


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_predictions_are_read_again(tmp_path: Path, kind: TaskKind) -> None:
    path = tmp_path / "en.jsonl.gz"
    assert write_predictions(path, iter(PREDICTIONS[kind])) == 2
    assert list(read_predictions(path, kind)) == PREDICTIONS[kind]


def test_a_line_is_a_prediction(tmp_path: Path) -> None:
    write_predictions(tmp_path / "en.jsonl.gz", PREDICTIONS["ner"])
    lines = gzip.decompress((tmp_path / "en.jsonl.gz").read_bytes()).decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": "1", "tags": ["O", "B-PER"]},
        {"id": "2", "tags": []},
    ]


def test_neither_time_nor_name_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("a.jsonl.gz", "b.jsonl.gz")):
        monkeypatch.setattr(time, "time", lambda number=number: 1e9 + number)
        write_predictions(tmp_path / name, PREDICTIONS["qa"])
    first, second = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert first == second


def test_a_score_that_is_no_number_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_predictions(tmp_path / "en.jsonl.gz", [QaPrediction("1", "a", float("nan"))])
    assert list(tmp_path.iterdir()) == []


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "en.jsonl.gz"
    write_predictions(path, [NliPrediction(str(at), "neutral") for at in range(500)])
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], whole[:-3], b"not gzip", gzip.compress(b"{}\n")):
        path.write_bytes(data)
        with pytest.raises(TaskDataError, match=r"en\.jsonl\.gz: line \d+ .*delete it"):
            list(read_predictions(path, "nli"))
