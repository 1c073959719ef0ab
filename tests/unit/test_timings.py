"""Where the time of a run went: read from files, with the percentages by hand."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from xmod import timings
from xmod.timings import Stage, as_csv, as_table, covered, measure, sentence, summarise

BEGIN = 1_700_000_000.0
"""When the run began."""


def benchmark(results: Path, name: str, *seconds: float, ended: float = BEGIN + 60) -> None:
    """A benchmark file as Snakemake writes it, a row for each repetition."""
    path = results / "benchmarks" / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ["s\th:m:s\tmax_rss", *(f"{one}\t0:00:00\t-" for one in seconds)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    os.utime(path, (ended, ended))


def trained(results: Path, name: str, seconds: float, *, ended: float = BEGIN + 60) -> None:
    path = results / name / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"training_seconds": seconds}), encoding="utf-8")
    os.utime(path, (ended, ended))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two cells and an extension job of two languages; one cell was there before."""
    results = tmp_path / "results/small"
    benchmark(results, "corpora/default/en-fr", 10.0)
    benchmark(results, "pretrain/a.toy.13.10", 100.0)
    trained(results, "pretrain/a.toy.13.10", 80.0)
    benchmark(results, "pretrain/b.toy.13.10", 50.0, ended=BEGIN - 1)
    trained(results, "pretrain/b.toy.13.10", 40.0, ended=BEGIN - 1)
    benchmark(results, "extend/a.toy.13.10/de-tr", 30.0)
    trained(results, "extend/a.toy.13.10/de", 12.5)
    trained(results, "extend/a.toy.13.10/tr", 7.5)
    return results


def test_the_jobs_of_this_run_are_counted(results: Path) -> None:
    end = BEGIN + 60
    assert measure(results, since=BEGIN) == {
        "corpora": Stage(num_jobs=1, seconds=10.0, spans=[(end - 10, end)]),
        "extend": Stage(num_jobs=1, seconds=30.0, training_seconds=20.0, spans=[(end - 30, end)]),
        "pretrain": Stage(num_jobs=1, seconds=100.0, training_seconds=80.0, spans=[(BEGIN, end)]),
    }
    before = measure(results, since=BEGIN - 100)["pretrain"]
    assert (before.num_jobs, before.seconds, before.training_seconds) == (2, 150.0, 120.0)
    assert sorted(before.spans) == [(BEGIN - 51, BEGIN - 1), (end - 100, end)]
    assert measure(results, since=BEGIN + 100) == {}


def test_the_sentence_by_hand(results: Path) -> None:
    """100 s on 2 cores are 200: 100 of training, 40 of other work, 60 of neither."""
    stages = measure(results, since=BEGIN)
    assert sentence(stages, wall=100.0, cores=2) == (
        "1:40 on 2 cores: 50% training, 20% start-up, data and evaluation, "
        "30% Snakemake, small jobs and idle cores"
    )


def test_more_work_than_cores_is_no_negative_idleness(results: Path) -> None:
    """Jobs with several threads, or more jobs at once than cores."""
    stages = measure(results, since=BEGIN)
    assert sentence(stages, wall=100.0, cores=1).endswith("0% Snakemake, small jobs and idle cores")


def test_training_before_the_run_is_not_the_runs(results: Path) -> None:
    """A manifest counts the whole training of a job, also that of an interrupted run before."""
    trained(results, "pretrain/a.toy.13.10", 500.0)
    stages = measure(results, since=BEGIN)
    assert stages["pretrain"].training_seconds == 100.0
    assert "-" not in sentence(stages, wall=100.0, cores=2).replace("start-up", "")


def test_time_by_the_clock_counts_what_overlaps_once() -> None:
    assert covered([]) == 0.0
    assert covered([(5.0, 9.0), (1.0, 3.0), (2.0, 4.0), (6.0, 7.0)]) == 3.0 + 4.0


def test_a_row_a_stage_and_one_for_the_run(results: Path) -> None:
    rows = summarise(measure(results, since=BEGIN), wall=125.0)
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert read[0] == {
        "stage": "corpora",
        "num_jobs": "1",
        "seconds": "10.0",
        "share": "0.071",
        "training_seconds": "0.0",
        "wall_seconds": "10.0",
    }
    assert [row["stage"] for row in read] == ["corpora", "extend", "pretrain", "run"]
    assert read[-1] == {
        "stage": "run",
        "num_jobs": "3",
        "seconds": "140.0",
        "share": "1.0",
        "training_seconds": "100.0",
        "wall_seconds": "125.0",
    }
    console = Console(file=io.StringIO(), width=80)
    console.print(as_table(rows))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert any("pretrain" in line and "100" in line and "80" in line for line in lines)


def run(monkeypatch: pytest.MonkeyPatch, results: Path, since: float | None, cores: str) -> None:
    config = yaml.safe_load(Path("config/small.yaml").read_text(encoding="utf-8"))
    config |= {"results": str(results.parent), "name": results.name}
    file = results.parent / "config.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    arguments = ["--configfile", str(file), "--cores", cores]
    arguments += [] if since is None else ["--since", str(since)]
    monkeypatch.setattr(sys, "argv", ["timings", *arguments])
    monkeypatch.setattr(timings.time, "time", lambda: BEGIN + 100.0)
    timings.main()


def test_the_command_writes_and_prints(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, results, BEGIN, "2")
    text = (results / "summary/timings.csv").read_text(encoding="utf-8")
    assert text == as_csv(summarise(measure(results, since=BEGIN), wall=100.0))
    assert "1:40 on 2 cores: 50% training" in capsys.readouterr().out


def test_all_runs_are_counted_where_none_is_named(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock: the 50 s until BEGIN - 1 and, of the 100 s until BEGIN + 60, those after."""
    run(monkeypatch, results, None, "2")
    text = (results / "summary/timings.csv").read_text(encoding="utf-8")
    whole = list(csv.DictReader(io.StringIO(text)))[-1]
    assert (whole["num_jobs"], float(whole["wall_seconds"])) == ("4", 50.0 + 61.0)


def test_nothing_done_is_said(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, results, BEGIN + 99.0, "all")
    assert "No text, model or score" in capsys.readouterr().out
    assert not (results / "summary").exists()
