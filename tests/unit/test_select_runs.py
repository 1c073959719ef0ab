"""The command that chooses runs: a file of scores and one of candidates a cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.analysis.test_candidates import CELL, HIGH, LOW, run_scores
from xmod import select_runs
from xmod.analysis.candidates import RunScores
from xmod.analysis.records import DataError, read_scores

OTHER = "shared.base.13.125k"


def select(folder: Path, runs: list[RunScores], *, by: str = "pretrained") -> Path:
    """Run the command on files of `runs`; returns the folder of its results."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number, run in enumerate(runs):
        path = folder / f"{number}.json"
        path.write_text(json.dumps({**run.model_dump(), "more": 1}), encoding="utf-8")
        paths.append(str(path))
    output = folder / "selection"
    select_runs.main(["--task", "ner", "--by", by, "--scores", *paths, "--output", str(output)])
    return output


def test_each_cell_has_its_own_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        run_scores(rate, seed, {"en": value, "sw": value, "de": 5}, cell=cell)
        for cell, values in ((CELL, (70, 60)), (OTHER, (50, 55)))
        for seed in (1, 2)
        for rate, value in zip((LOW, HIGH), values, strict=True)
    ]
    output = select(tmp_path, runs)
    assert capsys.readouterr().out.splitlines() == [
        f"{CELL}: learning rate 0.0001, 5 epochs (70.00 in development)",
        f"{OTHER}: learning rate 0.0003, 5 epochs (55.00 in development)",
    ]
    for cell, test_score in ((CELL, 30), (OTHER, 45)):
        path = output / cell / "scores.json"
        scores = read_scores([path])[path]
        assert (scores.cell, scores.task) == (cell, "ner")
        english = [
            (one.seed, one.value)
            for one in scores.records
            if (one.stage, one.language, one.group) == ("evaluate", "en", "source")
        ]
        assert english == [(1, test_score), (2, test_score)], "one run a seed, of the test set too"
        lines = (output / cell / "candidates.csv").read_text(encoding="utf-8").splitlines()
        assert len(lines) == 3
        assert sum(line.endswith("True") for line in lines) == 1


def test_the_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    """But for which of two equal settings is the first."""
    runs = [
        run_scores(rate, seed, {"en": 60 + seed + rate})
        for seed in (1, 2, 3)
        for rate in (LOW, HIGH)
    ]
    found = []
    for number, order in enumerate((runs, [*runs[4:], *runs[:4]])):
        output = select(tmp_path / str(number), order, by="source")
        found.append(
            [(output / CELL / name).read_bytes() for name in ("scores.json", "candidates.csv")]
        )
    assert found[0] == found[1]


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    run = run_scores(LOW, 1, {"en": 70})
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"cell": CELL}), encoding="utf-8")
    with pytest.raises(DataError, match=rf"{path}: metric is missing"):
        select_runs.main(
            ["--task", "ner", "--by", "source", "--scores", str(path), "--output", str(tmp_path)]
        )
    with pytest.raises(DataError, match="in any source language"):
        select(tmp_path, [run_scores(LOW, 1, {"sw": 70})], by="source")
    assert not (tmp_path / "selection").exists()
    assert select(tmp_path, [run], by="source").exists()
