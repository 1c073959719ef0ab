"""Downloads that are cut, stalled, refused, redirected or exchanged on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.http_server import Act, serve
from xmod.causes import likely_cause
from xmod.data.download import MAX_REDIRECTS, DownloadError, Patience, download

DATA = bytes(range(256)) * 4096


def quick(waits: list[float] | None = None, *, tries: int = 3) -> Patience:
    """Tries without waiting; notes in `waits` how long it would have waited."""
    noted = [] if waits is None else waits
    return Patience(tries=tries, wait_seconds=1.0, timeout_seconds=0.3, sleep=noted.append)


def fails(url: str, target: Path, *, tries: int = 3) -> str:
    with pytest.raises(DownloadError) as error:
        download(url, target, patience=quick(tries=tries))
    assert not target.exists()
    return str(error.value)


@pytest.mark.parametrize("acts", [("serve",), ("redirect",), ("cut",), ("stall",), ("busy", "cut")])
def test_the_file_comes_whole_whatever_happened_on_the_way(
    acts: tuple[Act, ...], tmp_path: Path
) -> None:
    with serve({"a.bin": DATA}, *acts) as server:
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"], "nothing is left behind"


def test_a_cut_download_goes_on_where_it_was(tmp_path: Path) -> None:
    with serve({"a.bin": DATA}, "cut", "cut") as server:
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA
    half, three_quarters = len(DATA) // 2, len(DATA) // 2 + len(DATA) // 4
    assert [asked for _, asked in server.requests] == [
        "",
        f"bytes={half}-",
        f"bytes={three_quarters}-",
    ]


def test_another_process_goes_on_where_one_gave_up(tmp_path: Path) -> None:
    with serve({"a.bin": DATA}, "cut", "busy", "busy", "busy") as server:
        message = fails(f"{server.url}/a.bin", tmp_path / "a.bin")
        assert "given up after 3 tries" in message
        assert f"{len(DATA) // 2:,} bytes are kept" in message
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert server.requests[-1] == ("/a.bin", f"bytes={len(DATA) // 2}-")
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_file_that_changed_meanwhile_begins_anew(tmp_path: Path) -> None:
    with serve({"a.bin": DATA}, "cut", "busy") as server:
        fails(f"{server.url}/a.bin", tmp_path / "a.bin", tries=1)
        server.files["a.bin"], server.etag, server.acts = DATA[::-1], '"two"', []
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA[::-1]


def test_a_server_without_ranges_sends_all_again(tmp_path: Path) -> None:
    with serve({"a.bin": DATA}, "cut", "no range") as server:
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_waits_are_doubled_and_the_servers_wish_is_kept(tmp_path: Path) -> None:
    waits: list[float] = []
    with serve({"a.bin": DATA}, "cut", "busy", "busy") as server:
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick(waits, tries=9))
    assert waits == [1.0, 7.0, 7.0]
    dead, waits = "http://127.0.0.1:9/a.bin", []
    with pytest.raises(DownloadError) as error:
        download(dead, tmp_path / "b.bin", patience=quick(waits, tries=4))
    assert str(error.value) == (
        f"{dead}: ConnectionError (Connection refused); given up after 4 tries that brought nothing"
    ), "one line, of what the system said"
    assert "sources.fetch: offline" in likely_cause(1, f"error: x: {error.value}").advice
    assert waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("refuse", "answered 403"),
        ("page", "sent a web page, not the file"),
        ("loop", f"redirected more than {MAX_REDIRECTS} times"),
    ],
)
def test_what_no_further_try_mends_is_said_at_once(act: Act, told: str, tmp_path: Path) -> None:
    with serve({"a.bin": DATA}, act) as server:
        message = fails(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert told in message
    assert f"{server.url}/a.bin" in message
    assert len(server.requests) == (MAX_REDIRECTS + 1 if act == "loop" else 1)


def test_a_file_that_is_not_there_and_an_address_that_is_none(tmp_path: Path) -> None:
    with serve({}) as server:
        assert "answered 404" in fails(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert "legal: http://" in fails("ftp://host/a.bin", tmp_path / "a.bin")


def test_a_part_that_is_longer_than_the_file_begins_anew(tmp_path: Path) -> None:
    (tmp_path / ".a.bin.part").write_bytes(DATA + DATA)
    with serve({"a.bin": DATA}) as server:
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_part_that_is_already_whole_is_taken_as_it_is(tmp_path: Path) -> None:
    """A process was killed between the last byte and the renaming."""
    with serve({"a.bin": DATA}, "cut", "busy") as server:
        fails(f"{server.url}/a.bin", tmp_path / "a.bin", tries=1)
        (tmp_path / ".a.bin.part").write_bytes(DATA)
        server.acts = []
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
        assert server.requests[1:] == [("/a.bin", f"bytes={len(DATA)}-")]
        (tmp_path / "a.bin").rename(tmp_path / ".a.bin.part")
        (tmp_path / ".a.bin.part.json").write_text('{"version": "\\"one\\""}')
        server.files["a.bin"] = DATA[:-100]
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA[:-100], "longer than the file: begun anew"


def test_a_web_page_does_not_cost_what_has_come(tmp_path: Path) -> None:
    with serve({"a.bin": DATA}, "cut", "page") as server:
        message = fails(f"{server.url}/a.bin", tmp_path / "a.bin")
        assert "sent a web page" in message
        assert (tmp_path / ".a.bin.part").read_bytes() == DATA[: len(DATA) // 2]
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert server.requests[-1] == ("/a.bin", f"bytes={len(DATA) // 2}-")
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_part_of_the_file_that_was_not_asked_for_is_not_written(tmp_path: Path) -> None:
    with serve({"a.bin": DATA}, "cut", "elsewhere", "elsewhere") as server:
        message = fails(f"{server.url}/a.bin", tmp_path / "a.bin", tries=1)
        half = len(DATA) // 2
        assert f"{half:,} bytes are kept" in message
        message = fails(f"{server.url}/a.bin", tmp_path / "a.bin", tries=1)
        assert f"from byte {half:,}, the server sent that from {half // 2:,}" in message
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_full_disk_leaves_no_file_that_passes_as_whole(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for it: a file may grow so far and no further."""
    code = (
        "import resource, signal, sys, pathlib\n"
        "from xmod.data.download import download\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    download(sys.argv[1], pathlib.Path(sys.argv[2]))\n"
        "except OSError as error:\n    print('OSError', error.errno)\n"
    )
    with serve({"a.bin": DATA}) as server:
        done = subprocess.run(
            [sys.executable, "-c", code, f"{server.url}/a.bin", str(tmp_path / "a.bin")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.startswith("OSError"), done.stderr
        assert not (tmp_path / "a.bin").exists()
        download(f"{server.url}/a.bin", tmp_path / "a.bin", patience=quick())
    assert (tmp_path / "a.bin").read_bytes() == DATA
