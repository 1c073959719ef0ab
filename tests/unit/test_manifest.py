"""Manifests: what made an artifact, from what, and with which code."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xmod import manifest
from xmod.config import PerplexityConfig
from xmod.jobs import code_digest
from xmod.manifest import write_manifest

CACHED = ("_code_digest", "_versions", "_git_commit", "_processor")


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Nothing is remembered from another test, nor for the next."""
    for name in CACHED:
        getattr(manifest, name).cache_clear()
    yield
    for name in CACHED:
        getattr(manifest, name).cache_clear()


def written(folder: Path, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "stage": "perplexity",
        "config": PerplexityConfig(mask_rounds=3),
        "inputs": [],
        "outputs": [],
        "started": time.time(),
        **changes,
    }
    write_manifest(folder / "manifest.json", **values)
    result: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return result


def test_files_are_described_by_size_and_hash(tmp_path: Path) -> None:
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_bytes(b"abc")
    other.write_bytes(b"")
    found = written(tmp_path, inputs=[one], outputs=[other, one])
    described = {
        "path": str(one),
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    assert found["inputs"] == [described]
    assert found["outputs"] == [
        {"path": str(other), "bytes": 0, "sha256": hashlib.sha256().hexdigest()},
        described,
    ]


def test_it_says_what_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    found = written(tmp_path, started=time.time() - 12.0, extra={"num_pieces": 7})
    assert (found["format"], found["stage"]) == (manifest.FORMAT, "perplexity")
    assert found["config"] == PerplexityConfig(mask_rounds=3).model_dump()
    assert found["code_digest"] == code_digest(".")
    assert found["versions"]["python"] == platform.python_version()
    assert {"torch", "numpy", "safetensors"} <= set(found["versions"])
    assert found["processor"]
    assert found["slurm_job"] == "4711"
    assert 12.0 <= found["runtime_seconds"] < 30.0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["finished_at"])
    assert found["num_pieces"] == 7


def test_a_plain_mapping_is_a_configuration_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    found = written(tmp_path, config={"language": "fi"})
    assert found["config"] == {"language": "fi"}
    assert found["slurm_job"] is None


def test_a_missing_output_is_an_error_and_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        written(tmp_path, outputs=[tmp_path / "nowhere"])
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_not_there_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "PACKAGES", ("numpy", "no-such-package"))
    assert set(written(tmp_path)["versions"]) == {"python", "numpy"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (("0" * 40 + "\n", 0), "0" * 40),
        (("0" * 40 + "+changes\n", 0), "0" * 40 + "+changes"),
        (("", 128), None),
    ],
)
def test_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: tuple[str, int], expected: str | None
) -> None:
    text, code = answer
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code, text, "")
    )
    assert written(tmp_path)["git_commit"] == expected


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_git(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert written(tmp_path)["git_commit"] is None


def test_a_process_asks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that adds 43 languages writes 43 manifests."""
    calls: list[str] = []

    def digest(*names: str) -> str:
        calls.append("digest")
        return str(names)

    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        calls.append("git")
        return subprocess.CompletedProcess([], 0, "abc\n", "")

    monkeypatch.setattr(manifest, "code_digest", digest)
    monkeypatch.setattr(subprocess, "run", run)
    first, *others = (written(tmp_path, config={}) for _ in range(3))
    assert calls == ["digest", "git"]
    for other in others:
        for key in ("code_digest", "git_commit", "versions", "processor"):
            assert other[key] == first[key]
