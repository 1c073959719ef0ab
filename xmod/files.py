"""Files that are whole or absent: written under a temporary name, flushed, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ABANDONED_SECONDS = 86_400.0
"""A temporary file of another machine that nothing touched for so long is no one's any more."""
_MACHINE = re.sub(r"\W", "-", platform.node())[:40]


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is fsynced and renamed to `path`.

    On an error the temporary file is removed and `path` is left as it was; a full disk is told with
    `path`. What a process that was killed left behind, the next one that writes `path` removes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    descriptor, name = tempfile.mkstemp(
        dir=path.parent,
        prefix=f".{path.stem}.{_MACHINE}.{os.getpid()}.",
        suffix=".partial" + path.suffix,
    )
    os.close(descriptor)
    temporary = Path(name)
    try:
        with naming_full_disk(path):
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Say of a full disk what was being written: the error of a write does not."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and error.filename is None:
            error.filename = str(path)
        raise


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files of `path` that surely no one writes any more."""
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    pattern = re.compile(rf"\.{stem}\.([\w-]*)\.(\d+)\.\w+\.partial{suffix}")
    for file in path.parent.iterdir():
        match = pattern.fullmatch(file.name)
        if match and _is_abandoned(file, machine=match[1], process=int(match[2])):
            file.unlink(missing_ok=True)


def _is_abandoned(file: Path, *, machine: str, process: int) -> bool:
    """Whether its process has ended; on another machine, whether it is old."""
    try:
        if machine != _MACHINE:
            return time.time() - file.stat().st_mtime > ABANDONED_SECONDS
        os.kill(process, 0)  # signal 0 asks only whether there is such a process
    except (FileNotFoundError, ProcessLookupError):
        return True
    except PermissionError:
        return False  # another user's
    return False


def write_text_atomic(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json_atomic(path: Path, value: Any) -> None:
    """Write indented JSON; NaN and infinity are refused, since JSON has no such number."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text_atomic(path, text + "\n")


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, read in bounded memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
