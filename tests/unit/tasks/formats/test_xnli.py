"""XNLI's two forms: the 19-column table, and JSON lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tasks.formats.format_files import json_lines, read_all, refusal, write
from xmod.tasks.examples import NliExample
from xmod.tasks.formats import FormatName

COLUMNS = [
    *("language", "gold_label"),
    *("sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse", "sentence2_parse"),
    *("sentence1", "sentence2", "promptID", "pairID", "genre"),
    *("label1", "label2", "label3", "label4", "label5"),
    *("sentence1_tokenized", "sentence2_tokenized", "match"),
]

ROWS = [
    {
        "language": language,
        "gold_label": label,
        "sentence1": premise,
        "sentence2": hypothesis,
        "pairID": pair,
        "match": "True",
    }
    for language, premise, hypotheses in (
        ("de", "Er kam um drei.", ("Er kam nie.", '"Nachts" kam er.')),
        ("zh-Hans", "他三点来的。", ("他没来。", "他夜里来的。")),
    )
    for pair, label, hypothesis in zip(
        ("1", "2"), ("contradiction", "neutral"), hypotheses, strict=True
    )
]
FORMS: list[FormatName] = ["xnli", "xnli_jsonl"]


def write_rows(path: Path, form: FormatName, rows: list[dict[str, str]]) -> Path:
    if form == "xnli_jsonl":
        return write(path, json_lines(*rows))
    table = [COLUMNS, *([row.get(column, "") for column in COLUMNS] for row in rows)]
    return write(path, "".join("\t".join(cells) + "\n" for cells in table))


@pytest.mark.parametrize("form", FORMS)
def test_the_rows_of_one_language_are_taken(tmp_path: Path, form: FormatName) -> None:
    path = write_rows(tmp_path / "x", form, ROWS)
    examples, drops = read_all(form, path, language="de")
    assert examples == [
        NliExample("1", "Er kam um drei.", "Er kam nie.", "contradiction"),
        NliExample("2", "Er kam um drei.", '"Nachts" kam er.', "neutral"),
    ]
    assert drops == {"other language": 2}


@pytest.mark.parametrize("form", FORMS)
def test_a_language_can_have_another_code_in_the_file(tmp_path: Path, form: FormatName) -> None:
    path = write_rows(tmp_path / "x", form, ROWS)
    examples, _ = read_all(form, path, language="zh", code="zh-Hans")
    assert [example.id for example in examples] == ["1", "2"]
    message = refusal(form, path, language="zh")
    assert message == f"{path} has no language 'zh' (wanted for zh); it has de, zh-Hans"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"gold_label": ""}, "gold_label is '': this copy's labels were taken out"),
        ({"gold_label": "entailed"}, "gold_label is 'entailed'; legal: entailment, neutral"),
        ({"pairID": "1"}, "pair 1 of language de stands at "),
    ],
)
def test_a_bad_row_is_refused(
    tmp_path: Path, form: FormatName, change: dict[str, str], problem: str
) -> None:
    path = write_rows(tmp_path / "x", form, [ROWS[0], ROWS[1] | change])
    line = 3 if form == "xnli" else 2
    assert refusal(form, path, language="de").startswith(f"{path}:{line}: {problem}")


@pytest.mark.parametrize("form", FORMS)
def test_pairs_without_consensus_and_empty_lines_are_counted(
    tmp_path: Path, form: FormatName
) -> None:
    path = write_rows(tmp_path / "x", form, [ROWS[0], ROWS[1] | {"gold_label": "-"}, *ROWS[2:]])
    path.write_bytes(path.read_bytes() + b"\r\n")
    examples, drops = read_all(form, path, language="de")
    assert len(examples) == 1
    assert drops == {"no gold label": 1, "other language": 2, "empty line": 1}


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    columns = ["pairID", "gold_label", "sentence2", "language", "sentence1"]
    cells = ["9", "neutral", "B", "sw", "A"]
    path = write(tmp_path / "x", "\ufeff" + "\t".join(columns) + "\r\n" + "\t".join(cells) + "\r\n")
    assert read_all("xnli", path, language="sw")[0] == [NliExample("9", "A", "B", "neutral")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "1: the header has no column language, pairID, sentence1, sentence2, gold_label"),
        ("A premise.\tA hypothesis.\n", "1: the header has no column language, "),
        ("\t".join([*COLUMNS, "language"]), "1: the header repeats language; legal: once"),
        ("\t".join(COLUMNS) + "\nde\tneutral\n", "2: 2 columns; legal: 19, separated by tabs"),
        ("\t".join(COLUMNS) + "\n" + "x\t" * 19 + "\n", "2: 20 columns; legal: 19"),
    ],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    path = write(tmp_path / "x", content)
    assert refusal("xnli", path, language="de").startswith(f"{path}:{problem}")


def test_a_json_line_without_a_key_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x", json_lines({"language": "de"}))
    assert refusal("xnli_jsonl", path, language="de").startswith(f"{path}:1: pairID is missing")


cell = st.text(st.characters(exclude_characters="\t\r\n", codec="utf-8"))


@given(texts=st.lists(st.tuples(cell, cell), min_size=1))
def test_both_forms_read_alike(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("xnli")
    rows = [
        ROWS[0] | {"pairID": str(number), "sentence1": premise, "sentence2": hypothesis}
        for number, (premise, hypothesis) in enumerate(texts)
    ]
    first, second = (
        read_all(form, write_rows(folder / form, form, rows), language="de")[0] for form in FORMS
    )
    assert first == second
    assert first == [
        NliExample(str(number), premise, hypothesis, "contradiction")
        for number, (premise, hypothesis) in enumerate(texts)
    ]
