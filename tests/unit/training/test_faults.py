"""A job that is killed at any moment, or whose disk is full: it goes on to the same bits."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.unit.training.toy_pretraining import (
    SAVING,
    Toy,
    finish,
    make_toy,
    said,
    saved_updates,
    stop,
)

BUDGET = 40


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy"), dropout=0.1, budget_updates=BUDGET)


@pytest.fixture(scope="module")
def whole(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of a run that nothing disturbed."""
    output = toy.train(tmp_path_factory.mktemp("whole"), ranks=None)
    return (output / "model.safetensors").read_bytes()


def checkpoint_bytes(output: Path) -> list[int]:
    return sorted(path.stat().st_size for path in output.glob("checkpoints/*/update-*.safetensors"))


def test_killed_at_random_moments(toy: Toy, whole: bytes, tmp_path: Path) -> None:
    """While it computes, copies, writes or prunes: what was whole before is there after."""
    rng = random.Random(7)
    saved = 0
    for _ in range(6):
        processes = toy.start(tmp_path, *SAVING, ranks=None)
        after = saved + rng.randrange(1, 6)
        stop(processes, tmp_path, after=after, number=signal.SIGKILL, delay=rng.random() / 20)
        assert finish(processes) == [-signal.SIGKILL], said(tmp_path)
        assert max(saved_updates(tmp_path)) >= after
        saved = max(saved_updates(tmp_path))
    toy.train(tmp_path, ranks=None)
    assert (tmp_path / "model.safetensors").read_bytes() == whole
    assert "damaged" not in said(tmp_path), "nothing was ever half written"
    left = [path.name for path in tmp_path.glob("checkpoints/*/*")]
    assert not any("partial" in name for name in left)


def test_a_full_disk_stops_it_and_loses_nothing(toy: Toy, whole: bytes, tmp_path: Path) -> None:
    processes = toy.start(tmp_path, *SAVING, ranks=None)
    stop(processes, tmp_path, after=5, number=signal.SIGTERM)
    finish(processes)
    before = saved_updates(tmp_path)
    size = checkpoint_bytes(tmp_path)[0]
    started = time.monotonic()
    full = toy.start(tmp_path, *SAVING, "--file-bytes", str(size // 2), ranks=None)
    assert finish(full) == [1]
    assert time.monotonic() - started < 120.0
    told = said(tmp_path)
    assert "error: " in told
    assert ".safetensors cannot be written: " in told
    assert "Traceback" not in told
    assert saved_updates(tmp_path) == before
    assert not list(tmp_path.glob("checkpoints/*/.*partial*"))
    toy.train(tmp_path, ranks=None)
    assert (tmp_path / "model.safetensors").read_bytes() == whole
