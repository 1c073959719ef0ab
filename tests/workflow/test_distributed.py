"""Pre-training in two processes, through Snakemake: the rule starts them, and no job knows."""

from __future__ import annotations

import json
from pathlib import Path

from tests.workflow.project import make_project

CELL = "xmod.tiny.three.40"


def test_two_processes_train_a_cell_that_one_finds_done(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    project.config["experiments"] = {
        "one": {"axes": {"variant": ["xmod"], "language_set": ["three"], "budget": [40]}}
    }
    project.config["figures"] = project.config["tables"] = []
    project.config["distributed"] = {"processes": 2, "module_sharding": "languages"}
    target = f"results/tiny/pretrain/{CELL}/model.safetensors"
    project.snakemake(target)
    manifest = json.loads(project.result(f"pretrain/{CELL}/manifest.json").read_text("utf-8"))
    assert (manifest["num_processes"], manifest["num_module_shards"]) == (2, 2)
    log = next(project.folder.glob("results/tiny/logs/**/pretrain*/**/*.log"), None)
    assert log is None or "Setting OMP_NUM_THREADS" not in log.read_text(encoding="utf-8")
    project.config["distributed"] = {"processes": 1}
    assert "Nothing to be done" in project.snakemake(target, "--dry-run").stdout


def test_what_several_machines_are_told_is_complete(tmp_path: Path) -> None:
    """Snakemake fills in a command once: what is inserted must have nothing left to fill in."""
    project = make_project(tmp_path / "project")
    project.config["distributed"] = {"processes": 64}
    told = project.snakemake("--dry-run", "--printshellcmds").stdout
    assert " --cpus-per-task=1 --kill-on-bad-exit=0 " in told
