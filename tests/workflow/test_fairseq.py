"""`engine: fairseq` through Snakemake, in fairseq's own environment.

Skipped, with the way to build it, where that environment is not there.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file

from tests.workflow.project import ROOT, Project, environment, make_project, wait_until
from tests.workflow.task_files import TASKS, write_task_files
from xmod.engines.environment import interpreter, missing_environment
from xmod.tries import read_tries

installed = pytest.mark.skipif(bool(missing_environment()), reason=missing_environment())

TORCH = "xmod.tiny.two.12"
FAIRSEQ = f"{TORCH}+engine=fairseq"
RUN = "learning_rate=0.01+epochs=2+seed=1"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A cell by each engine, with an added language and three tasks, run to its end."""
    project = make_project(tmp_path_factory.mktemp("fairseq") / "project")
    write_task_files(project.folder)
    axes = {
        **{"variant": ["xmod"], "language_set": ["two"], "budget": [12]},
        "engine": ["torch", "fairseq"],
    }
    project.config["experiments"] = {"main": {"axes": axes, "add_languages": ["de"]}}
    project.config["model"] |= {"max_positions": 24, "dropout": 0.0, "attention_dropout": 0.0}
    project.config["pretrain"]["precision"] = "float32"
    project.config["tasks"] = copy.deepcopy(TASKS)
    project.config["tasks"]["nli"] |= {"learning_rates": [0.01], "epochs": [2]}
    for task in project.config["tasks"].values():
        task["finetune"] = {"batch_sequences": 8, "precision": "float32"}
    project.config["figures"] = project.config["tables"] = []
    project.snakemake()
    return project


@installed
def test_both_engines_make_the_same_files(finished: Project) -> None:
    for folder in ("pretrain/{}", "finetune/nli/{}/" + RUN, "finetune/qa/{}/" + RUN):
        ours, theirs = (finished.result(folder.format(cell)) for cell in (TORCH, FAIRSEQ))
        assert {path.name for path in theirs.iterdir()} == {path.name for path in ours.iterdir()}
        weights, their_weights = (load_file(one / "model.safetensors") for one in (ours, theirs))
        assert {name: one.shape for name, one in their_weights.items()} == {
            name: one.shape for name, one in weights.items()
        }
        manifest = json.loads((theirs / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["engine"] == "fairseq 0.12.2"
        assert manifest["config"]["engine"] == "fairseq"


@installed
@pytest.mark.parametrize(
    ("path", "first", "any_later"),
    [
        ("pretrain/{}", 1e-6, 2e-3),
        # From weights that pre-training left that far apart; test_the_engines_agree is exact.
        *((f"finetune/{task}/{{}}/{RUN}", 2e-3, 2e-2) for task in ("nli", "ner", "qa")),
    ],
)
def test_both_engines_learn_the_same_without_dropout(
    finished: Project, path: str, first: float, any_later: float
) -> None:
    """Equal weights to begin with, equal batches, equal learning rates: losses stay together."""
    ours, theirs = (
        pd.read_csv(finished.result(f"{path.format(cell)}/history.csv"))
        for cell in (TORCH, FAIRSEQ)
    )
    for column in ("update", "tokens"):
        assert list(theirs[column]) == list(ours[column])
    assert list(theirs["learning_rate"]) == pytest.approx(list(ours["learning_rate"]))
    assert theirs["loss"][0] == pytest.approx(ours["loss"][0], abs=first)
    assert list(theirs["loss"]) == pytest.approx(list(ours["loss"]), abs=any_later)


@installed
def test_later_stages_do_not_care(finished: Project) -> None:
    frame = pd.read_csv(finished.result("summary/metrics.csv"))
    by_cell = dict(iter(frame.groupby("cell")))
    assert set(by_cell) == {TORCH, FAIRSEQ}
    measured = ["stage", "task", "metric", "language", "group"]
    ours, theirs = (
        by_cell[cell][measured].sort_values(measured).values.tolist() for cell in (TORCH, FAIRSEQ)
    )
    assert theirs == ours
    perplexities = [
        rows[rows["metric"] == "perplexity"].sort_values("language")["value"]
        for rows in (by_cell[TORCH], by_cell[FAIRSEQ])
    ]
    assert list(perplexities[1]) == pytest.approx(list(perplexities[0]), rel=1e-2)


@installed
def test_what_is_frozen_stays_and_nothing_runs_again(finished: Project) -> None:
    before = load_file(finished.result(f"pretrain/{FAIRSEQ}/model.safetensors"))
    after = load_file(finished.result(f"finetune/nli/{FAIRSEQ}/{RUN}/model.safetensors"))
    trained = {name for name in after if name in before}
    frozen = ("embeddings", "embedding_norm", "language_modules")
    assert trained
    assert not [name for name in after if any(part in name for part in frozen)]
    assert all((after[name] != before[name]).any() for name in trained)
    assert finished.planned() == {}


def command(project: Project, output: Path) -> list[str]:
    results = project.folder / "results/tiny"
    return [
        *(str(interpreter()), "-m", "xmod.pretrain"),
        *("--job", str(results / f"pretrain/{FAIRSEQ}/job.json")),
        *("--vocabulary", str(results / "vocabulary/default/spm.model")),
        *("--tokens", str(results / "tokens/default")),
        *("--checkpoints", str(output / "checkpoints"), "--output", str(output)),
        *("--threads", "1", "--device", "cpu", "--checkpoint-seconds", "0"),
        *("--micro-batch-sequences", "3"),
    ]


def changed_job(project: Project, folder: Path, **changes: dict[str, float]) -> Path:
    """The cell's job, longer, with other values in some of its sections."""
    text = (project.result(f"pretrain/{FAIRSEQ}/job.json")).read_text(encoding="utf-8")
    job = json.loads(text) | {"budget_updates": 60}
    for section, values in changes.items():
        job[section] |= values
    path = folder / "job.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(job), encoding="utf-8")
    return path


@installed
def test_an_interrupted_job_ends_with_the_same_bits(finished: Project, tmp_path: Path) -> None:
    dropout = {"dropout": 0.1, "attention_dropout": 0.1}
    job = changed_job(finished, tmp_path / "job", model=dropout)
    whole, parts = (
        [*command(finished, tmp_path / name), "--job", str(job)] for name in ("whole", "parts")
    )
    subprocess.run(whole, env=environment(), check=True, capture_output=True, timeout=300)
    process = subprocess.Popen(parts, env=environment(), stderr=subprocess.PIPE, text=True)
    saved = tmp_path / "parts/checkpoints"
    wait_until(lambda: any(int(one.stem[7:]) >= 5 for one in saved.glob("*/update-*.json")))
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in told
    subprocess.run(parts, env=environment(), check=True, capture_output=True, timeout=300)
    first, second = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")
    )
    assert first == second


NO_MEMORY = """
from xmod.engines.fairseq_start import import_fairseq
import_fairseq()
from fairseq.tasks import FairseqTask
def train_step(*_, **__):
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
FairseqTask.train_step = train_step
from xmod.pretrain import main
main()
"""
"""Pre-training on a GPU that is too small."""


def failed(command: list[str], folder: Path) -> str:
    """What a job that fails says; it leaves nothing in the folder that it runs in."""
    folder.mkdir()
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert list(folder.iterdir()) == []
    return done.stderr


@installed
def test_a_diverging_update_is_told(finished: Project, tmp_path: Path) -> None:
    """Without fairseq's crash.pt, and with the last good checkpoint."""
    job = changed_job(finished, tmp_path / "job", pretrain={"peak_learning_rate": 1e30})
    told = failed(
        [*command(finished, tmp_path / "output"), "--job", str(job)], tmp_path / "working"
    )
    assert "has a loss or a gradient that is not finite; the last good checkpoint is" in told
    assert "Lower the peak learning rate (1e+30)" in told
    assert "Traceback" not in told


@installed
def test_too_little_memory_is_told(finished: Project, tmp_path: Path) -> None:
    python, _, _, *arguments = command(finished, tmp_path / "output")
    told = failed([python, "-c", NO_MEMORY, *arguments], tmp_path / "working")
    assert told.endswith("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n")


@installed
def test_the_engines_agree(tmp_path: Path) -> None:
    """docs/fairseq.md has these numbers, and why the losses need a small epsilon."""
    found = tmp_path / "parity.json"
    subprocess.run(
        [str(interpreter()), "-m", "benchmarks.fairseq_parity", "--json", str(found)],
        cwd=ROOT,
        env=environment(),
        check=True,
        capture_output=True,
        timeout=900,
    )
    measured_of = json.loads(found.read_text(encoding="utf-8"))
    tasks, variants = ("nli", "ner", "qa"), ("xmod", "shared", "shared_nm")
    layouts = ("base", "large")
    assert set(measured_of["tasks"]) == {f"{a}, {b}" for a in tasks for b in layouts}
    assert max(measured_of["tasks"].values()) < 1e-5
    assert set(measured_of["variants"]) == {f"{a}, {b}" for a in variants for b in layouts}
    for measured in measured_of["variants"].values():
        assert measured["logits"] < 1e-5
        assert measured["gradients_at_update_1"] < 1e-5
        assert measured["losses_epsilon_1e-8"] < 1e-4
        assert measured["losses_epsilon_1e-6"] < 3e-3
        assert measured["first_loss"] - measured["last_loss"] > 0.5


def test_each_engine_runs_in_its_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails at its start stands for fairseq's; only its own cell may fail in it."""
    python = tmp_path / "broken" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setitem(os.environ, "XMOD_FAIRSEQ", str(python.parents[1]))
    project = make_project(tmp_path / "project")
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": [12]}
    project.config["experiments"]["main"] = {"axes": axes | {"engine": ["torch", "fairseq"]}}
    until = ("--keep-going", "--until", "pretrain", "pretrain_fairseq")
    assert project.snakemake(*until, check=False).returncode != 0
    assert project.result(f"pretrain/{TORCH}/model.safetensors").is_file()
    assert not project.result(f"pretrain/{FAIRSEQ}/model.safetensors").exists()
    for cell, code in ((TORCH, 0), (FAIRSEQ, 7)):
        tries = read_tries(project.result(f"logs/pretrain/{cell}.log"))
        assert tries is not None
        assert tries.code == code


def test_a_missing_environment_stops_a_run_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "XMOD_FAIRSEQ", str(tmp_path / "nowhere"))
    project = make_project(tmp_path / "project")
    project.config["engine"] = "fairseq"
    planned = project.snakemake("--dry-run")
    assert "warning" in planned.stderr
    stopped = project.snakemake(check=False)
    assert stopped.returncode != 0
    (told,) = [line for line in stopped.stderr.splitlines() if "engine: fairseq" in line]
    assert "make fairseq-env" in told
    assert not list(project.folder.glob("results/tiny/*/*"))
