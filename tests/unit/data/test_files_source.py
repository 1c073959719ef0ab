"""The folder of text files: streaming, broken input, bounded memory."""

from __future__ import annotations

import gzip
import lzma
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from xmod.config_errors import ConfigError
from xmod.data.sources import FilesSource, SourceError
from xmod.data.sources.files import MAX_LINE_BYTES
from xmod.languages import Language

Make = Callable[..., Language]
TEXT = "one line\nanother\n\n\nsecond document\n"
DOCUMENTS = [["one line", "another"], ["second document"]]


def read(folder: Path, language: Language) -> tuple[list[list[str]], Counter[str]]:
    drops: Counter[str] = Counter()
    documents = FilesSource(folder).documents(language, drops)
    return [[line.text for line in one.lines] for one in documents], drops


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sw.txt", TEXT.encode()),
        ("sw.txt", TEXT.replace("\n", "\r\n").encode()),
        ("sw.txt", TEXT.encode().rstrip()),
        ("sw.txt.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("sw.txt.xz", lzma.compress(TEXT.encode())),
    ],
)
def test_documents_are_separated_by_empty_lines(
    tmp_path: Path, language: Make, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path, language("sw")) == (DOCUMENTS, Counter())


def test_broken_lines_are_counted_and_skipped(tmp_path: Path, language: Make) -> None:
    long = b"x" * (10 * 2**20)
    content = b"good\n\xff\xfe broken\nnul \x00 byte\n" + long + b"\nstill good\n" + long
    (tmp_path / "sw.txt").write_bytes(content)
    documents, drops = read(tmp_path, language("sw"))
    assert documents == [["good", "still good"]]
    assert drops == {"broken UTF-8": 1, "NUL byte": 1, "line too long": 2}


def test_of_mixed_encodings_what_is_utf8_is_taken(tmp_path: Path, language: Make) -> None:
    parts = [
        "früh".encode(),
        "früh".encode("latin-1"),
        "spät".encode("cp850"),
        "สวัสดี".encode("tis-620"),
        b"danach",
        "breit".encode("utf-16-le"),
        "\n".encode("utf-16-le"),  # its second byte begins the line after it
        b"zuletzt",
    ]
    (tmp_path / "sw.txt").write_bytes(b"\n".join(parts))
    documents, drops = read(tmp_path, language("sw"))
    assert documents == [["früh", "danach"], ["zuletzt"]]
    assert drops == {"broken UTF-8": 3, "NUL byte": 2}


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_the_longest_line(tmp_path: Path, language: Make, excess: int) -> None:
    line = b"x" * (MAX_LINE_BYTES - 1 + excess)
    (tmp_path / "sw.txt").write_bytes(line + b"\nnext\n")
    documents, drops = read(tmp_path, language("sw"))
    assert documents[0][-1] == "next"
    assert drops["line too long"] == (excess > 0)


def test_memory_stays_bounded(
    tmp_path: Path, language: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmod.data.sources.files.MAX_LINE_BYTES", 2**14)
    monkeypatch.setattr("xmod.data.sources.files.MAX_DOCUMENT_BYTES", 2**16)
    with gzip.open(tmp_path / "sw.txt.gz", "wb", compresslevel=1) as stream:
        stream.write(b"a paragraph of one endless document\n" * 2**15)
        stream.write(b"y" * 2**22)
    tracemalloc.start()
    documents = FilesSource(tmp_path).documents(language("sw"), Counter())
    num_lines = sum(len(document.lines) for document in documents)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert num_lines == 2**15
    assert peak < 2**20


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_a_cut_archive_is_an_error(
    tmp_path: Path, language: Make, compress: Callable[[bytes], bytes]
) -> None:
    suffix = "gz" if compress is gzip.compress else "xz"
    content = compress("".join(f"line {n}\n" for n in range(9999)).encode())
    (tmp_path / f"sw.txt.{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=rf"sw\.txt\.{suffix} is damaged or cut short"):
        read(tmp_path, language("sw"))


def test_a_missing_or_doubled_file_is_named(tmp_path: Path, language: Make) -> None:
    with pytest.raises(SourceError, match=r"sw \(Sw\): .* has none of sw\.txt, sw\.txt\.xz"):
        read(tmp_path, language("sw"))
    for name in ("sw.txt", "sw.txt.gz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ConfigError, match=r"has sw\.txt, sw\.txt\.gz for one language"):
        read(tmp_path, language("sw"))
    with pytest.raises(SourceError, match="is not a folder"):
        FilesSource(tmp_path / "nowhere")
