"""A disk that is full, at every place where it may fill up; and going on when there is room."""

from __future__ import annotations

import functools
import lzma
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.data.test_download import quick
from tests.unit.data.test_shards import make_text, outputs
from tests.unit.data.test_unpacking import make_zip
from tests.unit.data.token_streams import small_vocabulary
from tests.unit.http_server import serve
from xmod import collect
from xmod.config_sources import CorporaConfig
from xmod.data import download as downloading
from xmod.data.collecting_shards import ShardCollector
from xmod.data.download import DownloadError, download
from xmod.data.encoding import encode_file
from xmod.data.encoding_shards import encode_shards
from xmod.data.sources.cc100 import Cc100Source
from xmod.data.token_file import TokenFile, TokenFileError
from xmod.data.unpacking import unpack
from xmod.files import sha256_file
from xmod.languages import Language

KIB = 1024
SHARD = 50_000
SIZES = (
    *(
        (
            4,
            64,
            128,
            192,
            256,
            320,
            384,
            448,
            512,
            576,
            640,
            768,
            896,
            1024,
            1280,
            6 * KIB,
            64 * KIB,
        ),
    )
    * 2,
    (128, 64 * KIB),
)
"""Of a disk, in KiB, by the number of processes, which take seconds to start."""
FULL = r"No space left on device: '.*disk"


class Disk:
    """A file system of its own, of a size that can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        if shutil.which("mount") is None:
            pytest.skip("no `mount` here: a full disk needs a file system of its own")
        done = self._mount("size=4k")
        if done.returncode:
            pytest.skip(f"a full disk needs a tmpfs, which only root may mount: {done.stderr}")

    def has(self, kib: int) -> Path:
        """Give it so much room; returns its folder."""
        done = self._mount(f"remount,size={kib}k")
        assert done.returncode == 0, done.stderr
        return self.folder

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=False, capture_output=True)

    def _mount(self, options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path / "disk")
    yield found
    found.unmount()


def test_a_download(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 4 * 1024
    target = disk.has(200) / "a.bin"
    with serve({"a.bin": data}) as server:
        with pytest.raises(DownloadError, match=r"no space: 1,048,576 bytes are to come, 2.* are"):
            download(f"{server.url}/a.bin", target, patience=quick())
        monkeypatch.setattr(downloading, "_check_space", lambda *_: None)  # others write meanwhile
        with pytest.raises(OSError, match=FULL):
            download(f"{server.url}/a.bin", target, patience=quick())
        assert not target.exists()
        come = (disk.folder / ".a.bin.part").stat().st_size
        assert 0 < come < len(data)
        disk.has(4 * KIB)
        download(f"{server.url}/a.bin", target, patience=quick())
    assert server.requests[-1] == ("/a.bin", f"bytes={come}-"), "what had come is kept"
    assert target.read_bytes() == data


def test_an_archive_that_is_unpacked(disk: Disk, tmp_path: Path) -> None:
    members = {"small.txt": b"x" * 9000, "large.txt": b"y" * 400_000}
    archive = make_zip(tmp_path / "a.zip", members)
    with pytest.raises(OSError, match=FULL):
        unpack(archive, disk.has(100), members="*")
    assert list(outputs(disk.folder)) == ["small.txt"], "what is there is whole"
    unpack(archive, disk.has(4 * KIB), members="*")
    assert outputs(disk.folder) == members


@pytest.mark.parametrize(
    ("shard_bytes", "cap", "workers"),
    [
        (10**9, None, 1),
        (10**9, 100_000, 1),
        (SHARD, None, 1),
        (SHARD, 100_000, 1),
        (SHARD, None, 2),
    ],
)
def test_text_that_is_cleaned(
    shard_bytes: int,
    cap: int | None,
    workers: int,
    disk: Disk,
    tmp_path: Path,
    language: Callable[..., Language],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one go and in shards: full while notes are taken, and while shards are joined."""
    monkeypatch.setattr(
        collect, "ShardCollector", functools.partial(ShardCollector, shard_bytes=shard_bytes)
    )
    (tmp_path / "cc100").mkdir()
    (tmp_path / "cc100/sw.txt.xz").write_bytes(lzma.compress(distinct_text()))

    def run(folder: Path) -> None:
        settings = {"source": "cc100", "max_characters": cap, "heldout_fraction": 0.2}
        collect.collect_language(
            Cc100Source(tmp_path / "cc100"),
            language("sw"),
            config=CorporaConfig.model_validate(settings),
            folder=folder,
            workers=workers,
        )

    run(tmp_path / "whole")
    fill_up(disk, SIZES[workers], run, is_whole=lambda folder: (folder / "stats.json").is_file())
    assert outputs(disk.folder / "sw") == outputs(tmp_path / "whole")


def fill_up(
    disk: Disk,
    sizes: Sequence[int],
    run: Callable[[Path], None],
    *,
    is_whole: Callable[[Path], bool],
) -> None:
    """Let `run` write into disks of growing size: it ends by itself, or says that the disk is full
    and leaves nothing that passes as whole."""
    folder = disk.folder / "sw"
    told = []
    for kib in sizes:
        try:
            run(disk.has(kib) / "sw")
        except OSError as error:
            told.append((kib, str(error), is_whole(folder)))
    assert told
    for kib, message, was_whole in told:
        assert "No space left on device: '" in message
        assert not was_whole, f"{kib} KiB: {message}"
    assert is_whole(folder)


def distinct_text() -> bytes:
    """Some 300 KB without duplicates."""
    lines = make_text(2000).decode().split("\n")
    numbered = (f"{line} n{place}" if line else "" for place, line in enumerate(lines))
    letters = str.maketrans("0123456789", "abcdefghij")
    return "\n".join(numbered).translate(letters).encode() + b"\n"


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_text_that_is_tokenised(workers: int, disk: Disk, tmp_path: Path) -> None:
    """In one go (0), and in shards by so many processes."""
    text, model = tmp_path / "train.txt", tmp_path / "spm.model"
    text.write_bytes(distinct_text())
    vocabulary = small_vocabulary()
    vocabulary.save(model)

    def run(folder: Path) -> None:
        path = folder / "train.tokens"
        if workers:
            digest = sha256_file(text)
            given = {"model": model, "language": "sw", "source_sha256": digest}
            encode_shards(text, path, workers=workers, shard_bytes=SHARD, **given)  # type: ignore[arg-type]
        else:
            encode_file(text, path, vocabulary=vocabulary, language="sw")

    run(tmp_path / "whole")

    def is_whole(folder: Path) -> bool:
        try:
            TokenFile.open(folder / "train.tokens", vocabulary=vocabulary, language="sw").verify()
        except TokenFileError:
            return False
        return True

    fill_up(disk, SIZES[workers], run, is_whole=is_whole)
    assert outputs(disk.folder / "sw") == outputs(tmp_path / "whole")
