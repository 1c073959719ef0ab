"""The pipeline through Snakemake: what runs, what runs again, and what does not."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.workflow.project import (
    ROOT,
    Project,
    environment,
    kill_group,
    make_project,
    wait_until,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was run to its end."""
    project = make_project(tmp_path_factory.mktemp("finished") / "project")
    project.snakemake()
    return project


@pytest.fixture
def project(finished: Project) -> Iterator[Project]:
    """The finished project, its configuration and catalogue to be changed at will."""
    config = copy.deepcopy(finished.config)
    catalogue = (finished.folder / "catalogue.yaml").read_text(encoding="utf-8")
    yield finished
    finished.config = config
    (finished.folder / "catalogue.yaml").write_text(catalogue, encoding="utf-8")


CELLS = {
    f"{variant}.tiny.{languages}.{updates}"
    for variant in ("shared", "xmod")
    for languages, updates in (("two", "12"), ("three", "12"), ("three", "UPDATES"))
}


def test_everything_is_made(project: Project) -> None:
    metrics = pd.read_csv(project.result("summary/metrics.csv"))
    assert len(metrics["cell"].unique()) == len(CELLS)
    assert set(metrics["group"]) == {"pretrained", "added"}
    perplexity = metrics[metrics["metric"] == "perplexity"]
    assert set(perplexity[perplexity["group"] == "added"]["language"]) == {"de", "tr"}
    for file in ("figures/figure_mean.png", "figures/figure_mean.pdf", "tables/table_9.tex"):
        assert project.result(file).stat().st_size > 1000


def test_every_model_has_a_manifest(project: Project) -> None:
    for model in project.result("pretrain").glob("*/model.safetensors"):
        manifest = json.loads(model.with_name("manifest.json").read_text(encoding="utf-8"))
        assert manifest["config"]["cell"] == model.parent.name
        assert manifest["training_tokens"] == manifest["config"]["budget_updates"] * 8 * 16
        assert {"python", "torch", "sentencepiece"} <= set(manifest["versions"])


def test_a_second_run_has_nothing_to_do(project: Project) -> None:
    assert project.planned() == {}


def test_a_new_language_set_runs_its_own_cells_only(project: Project) -> None:
    project.config["language_sets"]["four"] = {"extends": "three", "include": ["ar"]}
    project.config["experiments"]["main"]["axes"]["language_set"].append("four")
    cells = project.planned_cells("pretrain")
    assert cells
    assert all(".four." in cell for cell in cells)
    assert len(cells) == 4


def test_a_new_axis_runs_its_new_values_only(project: Project) -> None:
    project.config["experiments"]["main"]["axes"]["pretrain.sampling_alpha"] = [0.3, 0.7]
    cells = project.planned_cells("pretrain")
    assert len(cells) == len(CELLS)
    assert all(cell.endswith("+pretrain.sampling_alpha=0.3") for cell in cells)


def test_an_axis_of_a_later_stage_trains_nothing_again(project: Project) -> None:
    project.config["experiments"]["main"]["axes"]["perplexity.mask_rounds"] = [1, 2]
    planned = project.planned()
    assert "pretrain" not in planned
    assert planned["measure_perplexity"] == len(CELLS)


def test_a_changed_figure_is_drawn_again_and_nothing_else(project: Project) -> None:
    path = project.folder / "catalogue.yaml"
    catalogue = yaml.safe_load(path.read_text(encoding="utf-8"))
    catalogue["figures"]["figure_mean"]["title"] = "Another title"
    path.write_text(yaml.safe_dump(catalogue), encoding="utf-8")
    assert project.planned() == {"draw_figure": 1, "write_captions": 1, "all": 1}


def test_a_figure_of_an_axis_that_is_not_stops_before_anything_runs(project: Project) -> None:
    path = project.folder / "catalogue.yaml"
    catalogue = yaml.safe_load(path.read_text(encoding="utf-8"))
    catalogue["figures"]["figure_mean"]["hue"] = "pretrain.sampling_alpha"
    path.write_text(yaml.safe_dump(catalogue), encoding="utf-8")
    result = project.snakemake("--dry-run", check=False)
    assert result.returncode != 0
    assert "figures.figure_mean.hue: 'pretrain.sampling_alpha'" in result.stdout + result.stderr


def test_a_changed_extension_leaves_pretraining_alone(project: Project) -> None:
    project.config["extend"]["peak_learning_rate"] = 0.02
    planned = project.planned()
    assert "pretrain" not in planned
    assert planned["extend_de-tr"] == len(CELLS)


def test_what_only_affects_speed_runs_nothing(project: Project) -> None:
    output = project.snakemake("--dry-run", "--set-resources", "pretrain:micro_batch_sequences=4")
    assert "Nothing to be done" in output.stdout + output.stderr


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("pretrain", "sampling_alfa", 0.3, ["pretrain.sampling_alfa", "sampling_alpha"]),
        ("corpora", "folder", "nowhere", ["corpora.folder: no folder 'nowhere'"]),
        ("language_sets", "two", {"include": ["xx"]}, ["unknown language 'xx'"]),
        ("budgets", "more", {"rule": "equal_steps"}, ["budgets.more.base_updates is missing"]),
        ("experiments", "none", {}, ["experiments.none has neither axes nor cells"]),
    ],
)
def test_a_mistake_stops_before_anything_runs(
    project: Project, section: str, key: str, value: object, words: list[str]
) -> None:
    project.config[section][key] = value
    result = project.snakemake(check=False)
    assert result.returncode != 0
    for word in words:
        assert word in result.stdout + result.stderr
    assert "Job stats" not in result.stdout


def test_a_failing_job_fails_the_run(project: Project) -> None:
    """Its own words reach the terminal, and the exit code is honest through the pipe to its log."""
    project.config["pretrain"].update(peak_learning_rate=1e30, warmup_fraction=0.0, clip_norm=0.0)
    project.config["name"] = "failing"
    result = project.snakemake(check=False)
    assert result.returncode != 0
    assert "Lower the peak learning rate" in result.stdout + result.stderr
    assert not (project.folder / "results/failing/summary/metrics.csv").exists()


def test_a_job_that_failed_when_run_again_is_not_forgotten(
    finished: Project, tmp_path: Path
) -> None:
    """Snakemake deletes what a failed job had made, and its scores of before are still there."""
    shutil.copytree(finished.folder, tmp_path / "project", symlinks=True)
    project = Project(tmp_path / "project", copy.deepcopy(finished.config))
    project.config["pretrain"].update(peak_learning_rate=1e30, warmup_fraction=0.0, clip_norm=0.0)
    assert project.snakemake(check=False).returncode != 0
    assert project.planned()["pretrain"] >= 1


def test_a_run_that_is_killed_goes_on_to_the_same_results(
    finished: Project, tmp_path: Path
) -> None:
    """All processes die at once in the midst of training; the next run ends as if nothing was."""
    project = make_project(tmp_path / "project")
    process = subprocess.Popen(
        project.command(),
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: any(project.result("pretrain").glob("*/model.safetensors")), seconds=300)
    kill_group(process)
    assert not project.result("summary/metrics.csv").exists()
    project.snakemake("--unlock")
    project.snakemake()
    for file in ("summary/metrics.csv", "figures/figure_mean.png"):
        assert project.result(file).read_bytes() == finished.result(file).read_bytes()


def test_the_papers_grid_can_be_planned(tmp_path: Path) -> None:
    """config/paper.yaml expands, validates and dry-runs where its data are not."""
    project = make_project(tmp_path / "project")
    project.config = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
    planned = project.planned()
    # 14 of `main`, Model 2, two longer ones, shared_nm at the whole budget and at 4/5 of it
    assert sum(n for rule, n in planned.items() if rule.startswith("pretrain")) == 14 + 1 + 2 + 8
    assert planned["measure_perplexity"] == 14 + 1 + 2 + 4 + 4 + 8  # with adapters, checkpoints
    extended = sum(number for rule, number in planned.items() if rule.startswith("extend_"))
    assert extended == 7 * 32 + 8  # Model 2 has eight languages added
    shutil.rmtree(project.folder)
