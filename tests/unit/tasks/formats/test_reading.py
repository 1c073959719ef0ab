"""Text and its lines, as every format reads them: what is a line, and what is no text at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tasks.formats.format_files import read_all, refusal, write
from xmod.tasks.examples import TaskDataError
from xmod.tasks.formats import FORMATS, FormatName
from xmod.tasks.formats.reading import Line, read_lines

FILES: list[FormatName] = ["mnli", "xnli", "xnli_jsonl", "wikiann", "squad"]
"""The formats whose path is one file."""

NOT_LINE_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029\r"


def lines(path: Path) -> list[str]:
    return [line.text for line in read_lines(path, expected="a text")]


@pytest.mark.parametrize("char", NOT_LINE_ENDS)
def test_a_line_ends_at_lf_only(tmp_path: Path, char: str) -> None:
    path = write(tmp_path / "a", f"one{char}line\nanother{char}\n".replace("\r\n", "\r.\n"))
    assert len(lines(path)) == 2
    assert lines(path)[0] == f"one{char}line"


def test_crlf_and_bom_are_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "\ufeffone\r\n\ufefftwo\r\nlast")
    assert lines(path) == ["one", "\ufefftwo", "last"], "a BOM within a text is text"


@given(texts=st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"))))
def test_lines_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a"
    write(path, "header\n" + "".join(text + "\n" for text in texts))
    found = list(read_lines(path, expected="a text"))
    assert [line.text for line in found[1:]] == texts
    assert [line.number for line in found] == list(range(1, len(texts) + 2))


@pytest.mark.parametrize(("text", "is_blank"), [("", True), (" \u2003", True), ("\t", False)])
def test_a_tab_is_not_nothing(text: str, is_blank: bool) -> None:
    assert Line(Path("a"), 1, text).is_blank == is_blank


@pytest.mark.parametrize("format", FILES)
def test_a_missing_file_says_what_belongs_there(tmp_path: Path, format: FormatName) -> None:
    message = refusal(format, tmp_path / "x")
    assert message.startswith(f"{tmp_path / 'x'} is not there; put there ")
    assert "is a folder; put there" in refusal(format, tmp_path)


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("page", ["<!DOCTYPE html>\n<p>404", "\ufeff\n <HTML><body>", "<?xml "])
def test_a_web_page_is_refused(tmp_path: Path, format: FormatName, page: str) -> None:
    message = refusal(format, write(tmp_path / "x", page))
    assert message.startswith(f"{tmp_path / 'x'}:1: a web page (HTML or XML), not data")


@pytest.mark.parametrize("format", FILES)
def test_a_packed_file_is_refused(tmp_path: Path, format: FormatName) -> None:
    message = refusal(format, write(tmp_path / "x", gzip.compress(b"data")))
    assert "x is a packed archive; unpack it and put there" in message


def test_broken_utf8_names_line_and_byte(tmp_path: Path) -> None:
    path = write(tmp_path / "x", b"good\n\xc3\xa9 \xe9 is latin 1\n")
    with pytest.raises(TaskDataError, match=r"x:2: byte 4 of the line \(0xe9\) is broken UTF-8"):
        lines(path)


@pytest.mark.parametrize("format", FILES)
def test_broken_utf8_is_refused(tmp_path: Path, format: FormatName) -> None:
    assert "x:1: byte 1 of" in refusal(format, write(tmp_path / "x", "text".encode("utf-16")))


@pytest.mark.parametrize("format", [name for name in FILES if name not in ("xnli", "squad")])
def test_an_empty_file_is_refused(tmp_path: Path, format: FormatName) -> None:
    language = "sw" if format == "wikiann" else "en"
    message = refusal(format, write(tmp_path / "x", "\n\n"), language=language)
    assert message.startswith(f"{tmp_path / 'x'} has no ")


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    assert refusal("conll", tmp_path) == f"format: 'conll'; legal: {', '.join(FORMATS)}"  # type: ignore[arg-type]
    assert "question_code: 'de' with format squad; legal with mlqa only" in refusal(
        "squad", tmp_path, question_code="de"
    )


def test_a_refusal_of_options_does_not_wait_for_the_first_example(tmp_path: Path) -> None:
    with pytest.raises(TaskDataError, match="legal with mlqa only"):
        read_all("wikiann", tmp_path, question_code="de")
