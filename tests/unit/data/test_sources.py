"""The package sources, on tiny packages made by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from xmod.data.sources import EmbeddedSource, SourceError
from xmod.data.sources.cldr import emoji_key
from xmod.data.sources.django import read_mo
from xmod.data.sources.interface import Line
from xmod.data.sources.messages import message_key, plain_lines
from xmod.languages import Language

Make = Callable[..., Language]


@pytest.fixture
def english(language: Make) -> Language:
    return language("en", udhr="eng", cldr="en", lighthouse="en-US", scratch="en", django="en")


@pytest.fixture
def german(language: Make) -> Language:
    return language("de", udhr="deu", cldr="de", lighthouse="de", scratch="de", django="de")


def lines_of(source: EmbeddedSource, language: Language, name: str) -> list[Line]:
    documents = source.documents(language, Counter())
    return [line for one in documents if one.source == name for line in one.lines]


@pytest.fixture
def source(pack, contents, english, german, language) -> EmbeddedSource:  # type: ignore[no-untyped-def]
    folder, table, _ = pack(contents)
    thai = language("th", "Thai", udhr="tha", cldr="th")
    return EmbeddedSource(folder, table=table, languages=[english, german, thai])


def test_declaration_is_keyed_by_article(source: EmbeddedSource, german: Language) -> None:
    lines = lines_of(source, german, "udhr")
    assert [line.key for line in lines[:3]] == ["udhr/0", "udhr/0", "udhr/1"]
    assert lines[0].text == "Title Alle Menschen sind frei und gleich an Rechten"
    assert lines[1].text == "Whereas Alle Menschen sind frei und gleich an Rechten & so"
    assert len(lines) == 32
    assert not any("Heading" in line.text or "No" in line.text for line in lines)


def test_annotations_read_as_name_and_keywords(source: EmbeddedSource, german: Language) -> None:
    horse, teacher = lines_of(source, german, "cldr")
    assert horse.text == "Pferd: Tier"
    assert horse.english == "horse: animal"
    assert teacher.text == "Lehrerin: Schule"
    assert teacher.key == emoji_key("👨🏽‍🏫")


def test_annotations_drop_latin_words_and_inherited_names_in_other_scripts(
    source: EmbeddedSource, language: Make
) -> None:
    lines = lines_of(source, language("th", "Thai", cldr="th"), "cldr")
    assert [line.text for line in lines] == ["ม้า: สัตว์"]


def test_messages_lose_markup_and_keep_their_words(
    source: EmbeddedSource, german: Language
) -> None:
    texts = [line.text for line in lines_of(source, german, "lighthouse")]
    assert texts == ["Elemente sind beschrieben", "Das meta-Element nutzen. Weitere Infos."]


def test_untranslated_messages_are_counted_not_given(
    source: EmbeddedSource, german: Language
) -> None:
    drops: Counter[str] = Counter()
    documents = [one for one in source.documents(german, drops) if one.source == "scratch"]
    assert [[line.text for line in one.lines] for one in documents] == [
        ["Gehe zum Rand"],
        ["Frag uns alles"],
    ]
    assert drops["same as English"] == 1
    # One plural in lighthouse, one name in scratch, two forms in django.
    assert drops["placeholder"] == 4


def test_a_message_has_one_key_in_all_catalogues(source: EmbeddedSource, german: Language) -> None:
    scratch = {line.text: line.key for line in lines_of(source, german, "scratch")}
    django = {line.text: line.key for line in lines_of(source, german, "django")}
    assert scratch["Frag uns alles"] != django["Fragen Sie uns"]  # <b> makes another message
    assert django["Fragen Sie uns"] == message_key("Ask us  anything")
    assert set(django) == {"Sichern", "Fragen Sie uns"}


def test_english_messages_are_the_originals(source: EmbeddedSource, english: Language) -> None:
    assert [line.text for line in lines_of(source, english, "django")] == ["Save", "Close it"]
    assert "Not translated" in [line.text for line in lines_of(source, english, "scratch")]


def test_a_code_that_the_package_lacks_is_an_error(pack, contents, language: Make) -> None:  # type: ignore[no-untyped-def]
    folder, table, _ = pack(contents)
    wrong = language("fr", udhr="fra")
    source = EmbeddedSource(folder, table=table, languages=[wrong])
    with pytest.raises(SourceError, match=r"no text for code 'fra'.*there are: none"):
        list(source.documents(wrong, Counter()))


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("cldr-annotations-full", "package/annotations/de/annotations.json"),
        ("lighthouse", "package/shared/localization/locales/de.json"),
        ("scratch-l10n", "package/editor/blocks/de.json"),
        ("django", "django/conf/locale/de/LC_MESSAGES/django.mo"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xde\x12\x04\x95\x00"])
def test_a_broken_member_is_named(  # type: ignore[no-untyped-def]
    pack, contents, german: Language, name: str, member: str, content: bytes
) -> None:
    contents[name][member] = content
    folder, table, _ = pack(contents)
    source = EmbeddedSource(folder, table=table, languages=[german])
    with pytest.raises(SourceError, match=member):
        list(source.documents(german, Counter()))


def test_a_cut_archive_is_an_error(tmp_path: Path, german: Language) -> None:
    from xmod.data.sources.scratch import ScratchSource

    path = tmp_path / "scratch.tgz"
    path.write_bytes(b"\x1f\x8b\x08\x00cut")
    with pytest.raises(SourceError, match=r"scratch\.tgz: cannot be read"):
        list(ScratchSource(path, "0" * 64, [german]).documents(german, Counter()))


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("Save %(name)s now", []),
        ("Done. Saved %s of it. Thanks!", ["Done. Thanks!"]),
        ("Read <a href='x'>the <b>guide</b></a> &amp; go", ["Read the guide & go"]),
        ("One<br/>Two words", ["One", "Two words"]),
        ("Mail a@b.org. Then wait.", ["Then wait."]),
        ("See https://x.example/y for more", []),
        ("Use `document.write` less", ["Use document.write less"]),
        ('Set `role="x"` first', []),
        ("{count} of them", []),
        ("turn %1 degrees", []),
        ("say [TEXT]", []),
        ("100 % sure, 50% off", ["100 % sure, 50% off"]),
        ("Call get_url() here", []),
        ("保存{name}。请稍候。", ["请稍候。"]),
        ("It's 5 < 6", []),
        ("Either/or, and/or", ["Either/or, and/or"]),
        ("", []),
    ],
)
def test_plain_lines(message: str, lines: list[str]) -> None:
    assert plain_lines(message) == lines


def test_plain_lines_take_linear_time() -> None:
    assert plain_lines("ก" * 200_000) == ["ก" * 200_000]
    assert plain_lines("a." * 50_000 + "[" * 20_000 + "<" * 20_000) == []


def test_mo_gives_singular_without_context() -> None:
    from tests.unit.data.conftest import compiled_catalogue

    content = compiled_catalogue({"month\x04May\x00Mays": "Mai\x00Maie", "": "header"})
    assert list(read_mo(content)) == [("May", ["Mai", "Maie"]), ("", ["header"])]
    with pytest.raises(ValueError, match="truncated"):
        list(read_mo(content[:-8]))
