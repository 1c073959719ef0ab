"""Tasks through Snakemake: read, encoded, fine-tuned, evaluated, chosen; and what runs again."""

from __future__ import annotations

import copy
import csv
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.project import Project, environment, kill_group, make_project, wait_until
from tests.workflow.task_files import TASKS, write_task_files
from xmod.config import parse
from xmod.measured import measured

CELL = "xmod.tiny.two.12"
RUNS = ("learning_rate=0.001+epochs=8+seed=1", "learning_rate=0.01+epochs=8+seed=1")
"""Of NLI; the other tasks have one."""
RESULTS = (
    "summary/metrics.csv",
    *(f"selection/nli/{CELL}/{file}" for file in ("scores.json", "candidates.csv")),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of one cell and three tasks that was run to its end."""
    project = make_project(tmp_path_factory.mktemp("tasks") / "project")
    write_task_files(project.folder)
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": [12]}
    project.config["experiments"] = {"main": {"axes": axes, "add_languages": ["de", "tr"]}}
    project.config["model"]["max_positions"] = 24
    project.config["tasks"] = copy.deepcopy(TASKS)
    project.config["jobs"]["runs_per_job"] = 2
    project.config["figures"] = project.config["tables"] = []
    project.snakemake()
    return project


@pytest.fixture
def project(finished: Project) -> Iterator[Project]:
    """The finished project, its configuration to be changed at will."""
    config = copy.deepcopy(finished.config)
    yield finished
    finished.config = config


@pytest.fixture
def own(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project with its files' times, to be run and spoilt."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Project(folder, copy.deepcopy(finished.config))


def metrics(project: Project) -> pd.DataFrame:
    frame = pd.read_csv(project.result("summary/metrics.csv"))
    return frame[frame["stage"] != "perplexity"]


def test_what_was_measured_is_what_a_figure_may_show(project: Project) -> None:
    frame = pd.read_csv(project.result("summary/metrics.csv"))
    written = set(zip(frame["stage"], frame["task"], frame["metric"], strict=True))
    there = measured(parse(project.config, origin="test.yaml"), {"main": [{"variant": "xmod"}]})
    assert written <= {(one.stage, one.task, metric) for one in there for metric in one.metrics}
    sets = {(one.stage, one.task) for one in there if one.stage != "pretrain"}
    assert {(stage, task) for stage, task, _ in written} == sets


def test_every_set_is_measured_in_every_language_of_the_cell(project: Project) -> None:
    frame = metrics(project)
    assert set(frame["cell"]) == {CELL}
    by_set = frame[frame["metric"].isin(["accuracy", "f1", "exact_match"])]
    found = {
        (stage, task, metric): set(zip(rows["language"], rows["group"], strict=True))
        for (stage, task, metric), rows in by_set.groupby(["stage", "task", "metric"])
    }
    english = {("en", "source"), ("en", "pretrained")}
    french, german, turkish = ("fr", "pretrained"), ("de", "added"), ("tr", "added")
    assert found["evaluate", "xnli", "accuracy"] == {*english, french, german, turkish}
    assert found["development", "nli", "accuracy"] == {*english, french, german}
    assert found["evaluate", "ner", "f1"] == {*english, french, turkish}
    assert found["development", "ner", "f1"] == {*english, french}
    for test in ("xquad", "mlqa"):
        for metric in ("f1", "exact_match"):
            assert found["evaluate", test, metric] == {*english, german}
    assert found["development", "qa", "f1"] == english
    assert frame["value"].between(0, 100).all()


def test_controls_are_of_every_language_but_the_source(project: Project) -> None:
    frame = metrics(project)
    rows = frame[(frame["metric"] == "accuracy_source_module") & (frame["task"] == "xnli")]
    assert set(rows["language"]) == {"fr", "de", "tr"}


def test_one_run_a_seed_is_chosen_and_all_are_listed(project: Project) -> None:
    folder = project.result(f"selection/nli/{CELL}")
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    assert (scores["cell"], scores["task"]) == (CELL, "nli")
    with (folder / "candidates.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["learning_rate"] for row in rows] == ["0.001", "0.01"]
    best = max(rows, key=lambda row: float(row["development_mean"]))
    assert [row["chosen"] for row in rows] == [str(row is best) for row in rows]
    chosen = next(run for run in RUNS if f"={best['learning_rate']}+" in run)
    run = json.loads(
        project.result(f"evaluate/nli/{CELL}/{chosen}/scores.json").read_text(encoding="utf-8")
    )
    assert scores["records"] == run["records"]
    assert len(metrics(project).query("task == 'xnli' and metric == 'accuracy'")) == 5


def test_what_was_read_and_dropped_is_counted(project: Project) -> None:
    path = project.result("tasks/nli/default/counts.json")
    counts = json.loads(path.read_text(encoding="utf-8"))
    assert counts["train/en"] == {"num_examples": 64, "dropped": {"no gold label": 1}}
    assert counts["development/fr"]["num_examples"] == 6
    assert counts["xnli/sw"]["num_examples"] == 12


def test_a_second_run_has_nothing_to_do(project: Project) -> None:
    assert project.planned() == {}


def rules(project: Project) -> list[str]:
    """What a dry run would run, each rule once; of rules of runs, without what runs those are."""
    planned = project.planned()
    assert set(planned.values()) <= {1}
    return sorted(rule.partition("_learning-rate")[0] for rule in planned)


def test_a_further_seed_runs_its_own_runs_only(project: Project) -> None:
    """Two learning rates make one further job to train and one to evaluate."""
    project.config["tasks"]["nli"]["seeds"] = 2
    assert rules(project) == sorted(
        [
            *("finetune_nli", "evaluate_nli", "select_nli"),
            *("aggregate", "gather_curves", "write_grid", "all"),
        ]
    )


def test_an_axis_over_one_task_runs_that_task(project: Project) -> None:
    axes = project.config["experiments"]["main"]["axes"]
    axes["tasks.ner.finetune.weight_decay"] = [0.01, 0.1]
    assert rules(project) == sorted(
        [
            *("finetune_ner", "list_extensions_ner", "evaluate_ner", "select_ner"),
            *("aggregate", "gather_curves", "write_grid", "all"),
        ]
    )


def test_a_run_that_is_killed_while_fine_tuning_goes_on_to_the_same_results(
    finished: Project, own: Project
) -> None:
    """All processes die when the first run is done and the second is under way."""
    for folder in ("finetune/nli", "checkpoints/finetune/nli", "evaluate/nli", "selection/nli"):
        shutil.rmtree(own.result(folder))
    own.result("summary/metrics.csv").unlink()
    process = subprocess.Popen(
        own.command(),
        cwd=own.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    first = own.result(f"checkpoints/finetune/nli/{CELL}/{RUNS[0]}")
    wait_until(lambda: any(first.glob("*/update-*.json")))
    kill_group(process)
    assert not own.result(f"selection/nli/{CELL}/scores.json").exists()
    own.snakemake("--unlock")
    own.snakemake()
    for file in RESULTS:
        assert own.result(file).read_bytes() == finished.result(file).read_bytes(), file


def test_a_copy_without_labels_stops_with_its_line(own: Project) -> None:
    """As in the download of XTREME."""
    path = own.folder / "data/xnli.test.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = lines[3].split("\t")
    lines[3] = "\t".join([cells[0], "", *cells[2:]])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = own.snakemake(check=False)
    assert result.returncode != 0
    told = result.stdout + result.stderr
    assert (
        "error: data/xnli.test.tsv:4: gold_label is '': this copy's labels were taken out" in told
    )
    assert "Traceback" not in told
    assert "read_task" in told.partition("Error in rule")[2]
