"""A manifest beside every artifact: what made it, from what, with which code and versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from xmod.config_section import Section
from xmod.files import sha256_file, write_json_atomic
from xmod.jobs import code_digest

FORMAT = 1
PACKAGES = ("torch", "numpy", "sentencepiece", "safetensors", "pandas", "matplotlib", "snakemake")


def write_manifest(
    path: Path,
    *,
    stage: str,
    config: Section | Mapping[str, Any],
    inputs: Iterable[Path],
    outputs: Iterable[Path],
    started: float,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write what is known of an artifact.

    `inputs` and `outputs` are files, recorded with size and SHA-256; `started` is time.time()
    at the start of the work; `extra` holds figures of the stage's own.
    """
    write_json_atomic(
        path,
        {
            "format": FORMAT,
            "stage": stage,
            "config": config.model_dump() if isinstance(config, Section) else dict(config),
            "inputs": [_describe(file) for file in inputs],
            "outputs": [_describe(file) for file in outputs],
            "code_digest": _code_digest(),
            "git_commit": _git_commit(),
            "versions": {"python": platform.python_version(), **_versions()},
            "processor": _processor(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "runtime_seconds": round(time.time() - started, 3),
            **(extra or {}),
        },
    )


def _describe(file: Path) -> dict[str, Any]:
    return {"path": str(file), "bytes": file.stat().st_size, "sha256": sha256_file(file)}


# A job writes up to a hundred manifests; what cannot change under it is found out once.


@cache
def _code_digest() -> str:
    return code_digest(".")


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # a package of another stage's environment
    return found


@cache
def _git_commit() -> str | None:
    """The checkout's commit, with `+changes` where files differ from it; None outside git."""
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None


@cache
def _processor() -> str:
    """The processor's name, as the operating system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
