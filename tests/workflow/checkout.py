"""A copy of this checkout with a small grid, run by the command that the README has."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.workflow.project import CONFIG, ROOT, environment, kill_group, make_project

PARTS = ("Snakefile", "config", "envs", "profiles", "slurm", "workflow", "workstation", "xmod")
CELLS = ("shared.tiny.two.2k", "xmod.tiny.two.2k")
SLOW = ("--set-resources", "pretrain:checkpoint_seconds=0")
"""A checkpoint after every update: time to disturb."""
OFTEN = ("--set-resources", "pretrain:checkpoint_seconds=1", "extend:checkpoint_seconds=1")
"""Checkpoints often enough to go on from."""
QUICK = (
    # A cluster's files take their time to be seen, and its queue; here they do not.
    *("--latency-wait", "20", "--slurm-init-seconds-before-status-checks", "3"),
    # Two processors cannot start more of Snakemake at once in reasonable time.
    *("--jobs", "4", "--set-threads", "pretrain=1"),
)


@dataclass
class Checkout:
    """A folder as a user has it, with the grid's configuration in `grid.yaml`."""

    folder: Path
    config: dict[str, Any]

    @property
    def root(self) -> Path:
        return self.folder / "results" / str(self.config["name"])

    def command(self, *arguments: str) -> list[str]:
        """`snakemake ARGUMENTS --configfile grid.yaml`."""
        (self.folder / "grid.yaml").write_text(yaml.safe_dump(self.config), encoding="utf-8")
        return [sys.executable, "-m", "snakemake", *arguments, "--configfile", "grid.yaml"]

    def start(
        self, *arguments: str, cluster: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start Snakemake; its words go to `snakemake.out`."""
        with (self.folder / "snakemake.out").open("a", encoding="utf-8") as words:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                env=self.environment(cluster),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def run(self, *arguments: str, cluster: Mapping[str, str] | None = None) -> None:
        """Run Snakemake to its end; raises AssertionError with its words where it fails."""
        process = self.start(*arguments, cluster=cluster)
        try:
            assert process.wait(timeout=500) == 0, self.words[-8000:]
        finally:
            end(process)

    def environment(self, cluster: Mapping[str, str] | None) -> dict[str, str]:
        return {**(cluster or {}), **_own(cluster), "PYTHONPATH": str(self.folder)}

    @property
    def words(self) -> str:
        return (self.folder / "snakemake.out").read_text(encoding="utf-8")

    def files(self, pattern: str) -> dict[str, bytes]:
        """The results that fit a pattern, by their path below the results."""
        found = sorted(self.root.glob(pattern))
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}

    def forget(self, *stages: str) -> None:
        """Remove what some stages made, and what is noted of their jobs."""
        for stage in stages:
            for folder in (self.root, self.root / "logs", self.root / "benchmarks"):
                shutil.rmtree(folder / stage, ignore_errors=True)
        (self.folder / "snakemake.out").unlink(missing_ok=True)

    def status(self, cluster: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `python -m xmod.status --json` says."""
        done = subprocess.run(
            [sys.executable, "-m", "xmod.status", "--configfile", "grid.yaml", "--json"],
            cwd=self.folder,
            env=self.environment(cluster),
            capture_output=True,
            text=True,
            check=True,
        )
        status: dict[str, Any] = json.loads(done.stdout)
        return status

    def copy(self, folder: Path) -> Checkout:
        """The same checkout in another place, with all that was made; times are kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout(folder, copy.deepcopy(self.config))


def end(process: subprocess.Popen[str]) -> None:
    """Kill a Snakemake that is still there, and all that it runs on this machine."""
    if process.poll() is None:
        kill_group(process)


def assert_equal(checkout: Checkout, undisturbed: Checkout, pattern: str) -> None:
    """That the files which fit a pattern are the same, byte for byte."""
    expected, found = undisturbed.files(pattern), checkout.files(pattern)
    assert expected, f"no {pattern}"
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def _own(cluster: Mapping[str, str] | None) -> dict[str, str]:
    own = environment()
    return {**own, "PATH": cluster["PATH"]} if cluster else own


def make_checkout(folder: Path) -> Checkout:
    """Two cells, and one language that is added to them."""
    folder.mkdir(parents=True)
    for name in PARTS:
        place = ROOT / name
        if place.is_symlink():
            (folder / name).symlink_to(place.readlink())
        elif place.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(place, folder / name, ignore=ignore)
        else:
            shutil.copy2(place, folder / name)
    project = make_project(folder / "made")
    shutil.move(project.folder / "text", folder / "text")
    shutil.move(project.folder / "catalogue.yaml", folder / "catalogue.yaml")
    shutil.rmtree(folder / "made")
    config = copy.deepcopy(CONFIG)
    config["experiments"] = {
        "main": {
            "axes": {"variant": ["shared", "xmod"], "language_set": ["two"], "budget": [2000]},
            "add_languages": ["de"],
        }
    }
    config["figures"], config["tables"] = [], []
    return Checkout(folder, config)
