"""Sources of data: fetched, placed by hand, wrong, without a published hash."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import lzma
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.data.test_unpacking import make_zip
from tests.unit.http_server import Server, serve
from xmod import fetch_source
from xmod.config_errors import ConfigError
from xmod.data.download import DownloadError
from xmod.data.taking_turns import turn
from xmod.source_table import COLUMNS, read_sources, stamp

TABLE = Path("config/sources.tsv")
TEXT = lzma.compress(b"some text\n" * 50)


def write_table(path: Path, *rows: tuple[str, str, str, str, str, str]) -> Path:
    """Rows of source, file, url, size, hash, members."""
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join([one[0], "1", *one[1:], "free"]) for one in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


class World:
    """A server, a table that names it, and a folder."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder / "data"
        self.archive = make_zip(folder / "x.zip", {"X/x.tsv": b"rows"}).read_bytes()
        server.files |= {"x.zip": self.archive, "en.txt.xz": TEXT}
        self.sha256 = hashlib.sha256(self.archive).hexdigest()
        self.table = write_table(
            folder / "sources.tsv",
            ("x", "x.zip", server.url, str(len(self.archive)), self.sha256, "X/*"),
            ("cc100", "{code}.txt.xz", server.url, "-", "-", "-"),
        )

    def fetch(self, source: str, *further: str, how: str = "download") -> None:
        place = ["--folder", str(self.folder), "--table", str(self.table), "--fetch", how]
        fetch_source.main(["--source", source, *place, "--tries", "1", *further])

    def failure(self, source: str, *further: str, how: str = "download") -> str:
        with pytest.raises(DownloadError) as error:
            self.fetch(source, *further, how=how)
        return str(error.value)

    def place(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serve({}) as server:
        yield World(server, tmp_path)


def test_a_source_is_fetched_verified_unpacked_and_then_kept(world: World) -> None:
    world.fetch("x")
    assert (world.folder / "x" / "X" / "x.tsv").read_bytes() == b"rows"
    world.fetch("x")
    assert len(world.server.requests) == 1, "what is there is not fetched again"
    (world.folder / "x" / "X" / "x.tsv").unlink()
    world.fetch("x", how="offline")
    assert (world.folder / "x" / "X" / "x.tsv").read_bytes() == b"rows"


def test_a_wrong_hash_keeps_the_file_aside_and_says_both_hashes(world: World) -> None:
    world.server.acts = ["corrupt"]
    message = world.failure("x")
    wrong = bytes([world.archive[0] ^ 1]) + world.archive[1:]
    digest = hashlib.sha256(wrong).hexdigest()
    assert digest in message
    assert world.sha256 in message
    aside = world.folder / "x" / f"x.zip.wrong-{digest[:12]}"
    assert aside.read_bytes() == wrong
    assert str(aside) in message
    assert not (world.folder / "x" / "x.zip").exists()
    assert not (world.folder / "x" / "X").exists(), "nothing is unpacked of it"
    world.fetch("x")
    assert (world.folder / "x" / "X" / "x.tsv").is_file()


def test_offline_says_what_to_put_where(world: World) -> None:
    message = world.failure("x", how="offline")
    path = world.folder / "x" / "x.zip"
    for told in (
        f"{path} is missing",
        f"fetch {world.server.url}/x.zip on another machine",
        f"put it at {path}",
        f"{len(world.archive):,} bytes",
        world.sha256,
    ):
        assert told in message
    assert world.server.requests == []
    world.place("x/x.zip", world.archive)
    world.fetch("x", how="offline")
    assert (world.folder / "x" / "X" / "x.tsv").is_file()


def test_a_wrong_file_placed_by_hand_is_set_aside(world: World) -> None:
    world.place("x/x.zip", b"<html>Please log in</html>")
    message = world.failure("x", how="offline")
    assert "is a web page (HTML or XML), not x 1: its SHA-256 is" in message
    assert "By hand: fetch" in message
    world.place("x/x.zip", b"<html>Please log in</html>")
    world.fetch("x")
    assert (world.folder / "x" / "X" / "x.tsv").is_file(), "downloaded in its place"


def test_a_hash_that_nobody_published_is_recorded_and_held_to(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.fetch("cc100", "--code", "en")
    record = world.folder / "cc100" / "en.txt.xz.sha256"
    digest = hashlib.sha256(TEXT).hexdigest()
    assert record.read_text() == f"{digest}  en.txt.xz\n", "as sha256sum --check reads it"
    assert f"no hash was published; recorded {digest}" in capsys.readouterr().err
    other = lzma.compress(b"other text\n")
    world.place("cc100/en.txt.xz", other)
    message = world.failure("cc100", "--code", "en", how="offline")
    assert digest in message
    assert hashlib.sha256(other).hexdigest() in message
    assert "recorded in en.txt.xz.sha256" in message
    assert f"where the record is wrong, delete {record} and put the file back" in message
    record.write_text("nonsense\n")
    world.place("cc100/en.txt.xz", TEXT)
    assert "no SHA-256; delete it" in world.failure("cc100", "--code", "en", how="offline")


def test_an_archive_that_is_damaged_within_is_not_recorded(world: World) -> None:
    """Its head and end are whole: only unpacking shows it."""
    middle = len(TEXT) // 2
    damaged = TEXT[:middle] + bytes([TEXT[middle] ^ 255]) + TEXT[middle + 1 :]
    path = world.place("cc100/en.txt.xz", damaged)
    message = world.failure("cc100", "--code", "en", how="offline")
    assert "en.txt.xz is damaged (" in message
    assert "set aside as" in message
    assert not path.exists()
    assert not path.with_name("en.txt.xz.sha256").exists()
    world.fetch("cc100", "--code", "en")
    assert path.read_bytes() == TEXT


def test_the_licence_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.fetch("x")
    told = f"{world.folder / 'x' / 'x.zip'}: fetched; licence: free\n"
    assert capsys.readouterr().out == told


def test_two_runs_that_share_a_folder_take_turns(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    path = world.folder / "x" / "x.zip"
    with ThreadPoolExecutor(1) as other:
        with turn(path):
            waiting = other.submit(world.fetch, "x")
            until = time.monotonic() + 20
            told = ""
            while "another process is at work on" not in told:
                assert time.monotonic() < until, "it says that it waits"
                told += capsys.readouterr().err
                time.sleep(0.01)
            assert str(path) in told
            assert world.server.requests == []
        waiting.result()
    assert path.read_bytes() == world.archive
    assert sorted(one.name for one in path.parent.iterdir()) == ["X", "x.zip"], "no lock is left"


def test_where_there_are_no_locks_it_is_said(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    world.fetch("x")
    told = f"{world.folder / 'x'} has no locks (No locks available): only one run may fetch into it"
    assert told in capsys.readouterr().err
    assert (world.folder / "x" / "x.zip").read_bytes() == world.archive


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (TEXT[:-9], "bytes): it was cut short, or is another file; set aside as"),
        (b"<html>no</html>", "no whole xz archive (15 bytes): it is a web page (HTML or XML); set"),
        (b"", "en.txt.xz is empty"),
    ],
)
def test_an_archive_that_is_cut_short_is_not_recorded(data: bytes, told: str, world: World) -> None:
    world.place("cc100/en.txt.xz", data)
    message = world.failure("cc100", "--code", "en", how="offline")
    assert told in message
    assert not (world.folder / "cc100" / "en.txt.xz.sha256").exists()


def test_another_place_may_be_a_mirror_or_a_folder(world: World, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "x.zip").write_bytes(world.archive)
    world.fetch("x", "--url", f"x={tmp_path}/here")
    assert (world.folder / "x" / "X" / "x.tsv").is_file()
    assert world.server.requests == []
    assert "no file" in world.failure("cc100", "--code", "en", "--url", f"cc100={tmp_path}/here")
    assert "legal: SOURCE=PLACE" in world.failure("x", "--url", "nonsense")
    with pytest.raises(ConfigError, match="no source 'y'"):
        world.fetch("x", "--url", "y=/somewhere")


def test_a_source_with_several_files_tells_every_problem(world: World, tmp_path: Path) -> None:
    rows = [("s", f"{name}.json", world.server.url, "1", "0" * 64, "-") for name in "ab"]
    world.table = write_table(tmp_path / "two.tsv", *rows)
    message = world.failure("s")
    assert "a.json" in message
    assert "b.json" in message


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("S", "a", "u", "1", "-", "-"), "column source: 'S'"),
        (("s", "a/b", "u", "1", "-", "-"), "column file: 'a/b'"),
        (("s", "a", "u", "x", "-", "-"), "column size: 'x'"),
        (("s", "a", "u", "1", "abc", "-"), "column sha256: 'abc'"),
    ],
)
def test_a_mistake_in_the_table_is_named(
    row: tuple[str, str, str, str, str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"sources.tsv:2: ") as error:
        read_sources(write_table(tmp_path / "sources.tsv", row))
    assert told in str(error.value)
    assert "legal:" in str(error.value)


def test_the_projects_table_has_every_source_and_only_the_corpus_lacks_hashes() -> None:
    table = read_sources(TABLE)
    assert set(table.names) == {
        *("cc100", "xlmr", "multinli", "xnli", "wikiann", "squad", "xquad", "mlqa")
    }
    assert {one.source for one in table.files if one.sha256 is None} == {"cc100"}
    assert table.source_of("data/xnli/XNLI-1.0/xnli.dev.tsv", "data") == "xnli"
    assert table.source_of("data/xnli.tsv", "data") is None
    assert table.source_of("elsewhere/xnli/a", "data") is None


def test_the_page_has_the_licences_of_the_table() -> None:
    page = Path("docs/sources.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line[:3] == "| `"]
    told = {row[0].strip("`"): row[-1] for row in rows}
    assert told == {one.source: one.licence for one in read_sources(TABLE).files}


def test_a_stamp_follows_what_is_verified_and_not_from_where_it_came() -> None:
    table = read_sources(TABLE)
    mirrored = table.at({"xnli": "http://mirror.invalid"})
    assert stamp(table.of("xnli"), folder="d") == stamp(mirrored.of("xnli"), folder="d")
    assert stamp(table.of("xnli"), folder="d") != stamp(table.of("mlqa"), folder="d")
    assert mirrored.of("xnli")[0].place == "http://mirror.invalid/XNLI-1.0.zip"
