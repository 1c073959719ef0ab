"""Atomic writing: whole or absent, and nothing is left of a process that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xmod.files import ABANDONED_SECONDS, atomic_path, write_text_atomic

KILLED = """
import os, signal, sys
from pathlib import Path
from xmod.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_error_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "scores.json"
    write_text_atomic(path, "one")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "one"
    assert names(path.parent) == ["scores.json"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "train.tokens"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert [".partial" in name for name in names(tmp_path)] == [True]
    write_text_atomic(tmp_path / "train.json", "another file's writer leaves it")
    assert len(names(tmp_path)) == 2
    write_text_atomic(path, "whole")
    assert names(tmp_path) == ["train.json", "train.tokens"]


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    with atomic_path(path) as first:
        first.write_text("first")
        write_text_atomic(path, "second")
        assert first.read_text() == "first"
    assert path.read_text() == "first"


@pytest.mark.parametrize(("age", "stays"), [(0.5, True), (1.5, False)])
def test_another_machines_goes_by_its_age(tmp_path: Path, age: float, *, stays: bool) -> None:
    left = tmp_path / ".scores.not-this-machine.1.abc_1.partial.json"
    left.touch()
    then = time.time() - age * ABANDONED_SECONDS
    os.utime(left, (then, then))
    write_text_atomic(tmp_path / "scores.json", "whole")
    assert left.exists() == stays


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    others = [".scores.json", ".a.scores.m.1.abc.partial.json", ".scores.m.x.abc.partial.json"]
    for name in others:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    write_text_atomic(tmp_path / "scores.json", "whole")
    assert names(tmp_path) == sorted([*others, "scores.json"])
