"""Lets one process at a time bring a file, also where two runs share a folder of data.

Two that added to one partial download would spoil it. The kernel lets go of such a lock when its
process ends, however that was, so nothing is left that a person must remove.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def turn(target: Path) -> Iterator[None]:
    """Hold the lock of `target`, `.<name>.lock` beside it; waits, and says so, for another."""
    path = target.with_name(f".{target.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a", encoding="utf-8") as stream:
            _take(stream, target)
            if not _is_at(stream, path):  # who had it before has removed it
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _take(stream: IO[str], target: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"note: another process is at work on {target}; waiting for it", file=sys.stderr)
        fcntl.flock(stream, fcntl.LOCK_EX)
    except OSError as error:
        why = f"{target.parent} has no locks ({error.strerror})"
        print(f"note: {why}: only one run may fetch into it", file=sys.stderr)


def _is_at(stream: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False
