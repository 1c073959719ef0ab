"""WikiANN's lines, with and without the language before every token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tasks.formats.format_files import read_all, refusal, write
from xmod.tasks.examples import NER_TAGS, NerExample

Sentence = list[tuple[str, str]]

SENTENCES: list[Sentence] = [
    [("Zanzibar", "B-LOC"), ("Mjini", "I-LOC"), ("10:30", "O")],
    [("sw:Juma", "B-PER")],
    [(":", "O"), ("", "O"), ("a\u2028b", "I-ORG"), ("\xa0", "O")],
]


def text_of(sentences: list[Sentence], *, prefix: str = "") -> str:
    return "\n".join(
        "".join(f"{prefix}{word}\t{tag}\n" for word, tag in sentence) for sentence in sentences
    )


def words_and_tags(path: Path, language: str = "sw") -> list[Sentence]:
    examples, drops = read_all("wikiann", path, language=language)
    assert not drops
    return [
        list(zip(example.words, example.tags, strict=True))
        for example in examples
        if isinstance(example, NerExample)
    ]


@pytest.mark.parametrize("prefix", ["sw:", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_sentences_are_read_as_they_are(tmp_path: Path, prefix: str, end: str) -> None:
    content = text_of(SENTENCES, prefix=prefix).replace("\n", end)
    assert words_and_tags(write(tmp_path / "x", content)) == SENTENCES
    assert words_and_tags(write(tmp_path / "x", "\ufeff\n\n" + content + " \n\n")) == SENTENCES


def test_the_id_is_the_number_of_the_first_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x", "\n" + text_of(SENTENCES, prefix="sw:"))
    examples, _ = read_all("wikiann", path, language="sw")
    assert [example.id for example in examples] == ["2", "6", "8"]


def test_an_entity_can_begin_with_i(tmp_path: Path) -> None:
    """Real files have it; the metric says what it means."""
    sentence = [("a", "O"), ("b", "I-LOC"), ("c", "I-PER")]
    assert words_and_tags(write(tmp_path / "x", text_of([sentence]))) == [sentence]


def test_a_language_can_have_another_code_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "x", text_of([[("他", "O"), ("来", "O")]], prefix="zh-classical:"))
    assert len(read_all("wikiann", path, language="zh", code="zh-classical")[0]) == 1
    assert refusal("wikiann", path, language="zh") == (
        f"{path}:1: tokens of language 'zh-classical', where 'zh' is wanted; put that language's "
        "file there, or say that its code is 'zh-classical'"
    )


def test_words_that_look_like_a_prefix(tmp_path: Path) -> None:
    sentence = [("http://a.example", "O"), ("no:", "O"), ("am:pm", "O"), (":", "O")]
    for order in (sentence, sentence[::-1], sentence[1:]):
        assert words_and_tags(write(tmp_path / "x", text_of([order]))) == [order]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("sw:Juma", "'sw:Juma' has no tag: this copy's labels were taken out"),
        ("sw:Juma\t", "'sw:Juma' has no tag: this copy's labels were taken out"),
        ("sw:Juma\tB-PER\tO", "3 columns; legal: 2, token and tag, separated by a tab"),
        ("sw:Juma\tB-MISC", f"tag 'B-MISC'; legal: {', '.join(NER_TAGS)}"),
        ("sw:Juma\tb-per", "tag 'b-per'; legal: O, B-PER, "),
        ("en:Juma\tB-PER", "'en:Juma' does not begin with 'sw:' as the first sentence does"),
        ("\tO", "'' does not begin with 'sw:'"),
    ],
)
def test_what_is_no_token_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    path = write(tmp_path / "x", "sw:Juma\tB-PER\n\n" + line + "\n")
    assert refusal("wikiann", path, language="sw").startswith(f"{path}:3: {problem}")


word = st.text(st.characters(exclude_characters="\t\r\n", codec="utf-8"))
tokens = st.lists(st.tuples(word, st.sampled_from(NER_TAGS)), min_size=1)


@given(sentences=st.lists(tokens, min_size=1))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[Sentence]
) -> None:
    path = tmp_path_factory.mktemp("wikiann") / "x"
    assert words_and_tags(write(path, text_of(sentences, prefix="sw:"))) == sentences
