"""MultiNLI's JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.tasks.formats.format_files import json_lines, read_all, refusal, write
from xmod.tasks.examples import NliExample


def record(**changes: Any) -> dict[str, Any]:
    return {
        "annotator_labels": ["neutral"],
        "genre": "fiction",
        "gold_label": "neutral",
        "pairID": "7n",
        "promptID": "7",
        "sentence1": "A boat lies in the harbour.",
        "sentence1_parse": "",
        "sentence2": "It is a fishing boat.",
    } | changes


def test_pairs_without_a_gold_label_are_dropped_and_counted(tmp_path: Path) -> None:
    content = json_lines(record(), record(gold_label="-"), record(gold_label="entailment"))
    examples, drops = read_all("mnli", write(tmp_path / "x", content + "\n"))
    premise, hypothesis = "A boat lies in the harbour.", "It is a fishing boat."
    assert examples == [
        NliExample("1", premise, hypothesis, "neutral"),
        NliExample("3", premise, hypothesis, "entailment"),
    ]
    assert drops == {"no gold label": 1, "empty line": 1}


def test_text_is_kept_as_it_is(tmp_path: Path) -> None:
    text = ' "Quoted\u2028 text"\x85 '
    content = "\ufeff" + json_lines(record(sentence1=text, sentence2="")).replace("\n", "\r\n")
    (example,), _ = read_all("mnli", write(tmp_path / "x", content))
    assert isinstance(example, NliExample)
    assert (example.premise, example.hypothesis) == (text, "")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (json_lines(record(gold_label="")), "gold_label is '': this copy's labels were taken out"),
        (json_lines(record(gold_label="hidden")), "gold_label is 'hidden': this copy's labels"),
        (
            json_lines(record(gold_label="maybe")),
            "gold_label is 'maybe'; legal: entailment, neutral, contradiction, and - for none",
        ),
        (json_lines(record(sentence2=None)), "sentence2 is None; legal: a text"),
        ("{}\n", "sentence1 is missing; legal: a text"),
        ("[1]\n", "JSON, but [1]; legal: one JSON object a line"),
        (json_lines(record())[:50], "broken JSON at column"),
        ("[" * 100_000, "broken JSON (maximum recursion"),
        ('{"sentence1": "\\ud800"}\n', "sentence1 has \\ud800, half a character"),
    ],
)
def test_what_is_no_pair_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    path = write(tmp_path / "x", json_lines(record()) + line)
    assert refusal("mnli", path).startswith(f"{path}:2: {problem}")


def test_it_is_english(tmp_path: Path) -> None:
    path = write(tmp_path / "x", json_lines(record()))
    assert "language 'de'; MultiNLI is English" in refusal("mnli", path, language="de")


def test_a_file_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x", json_lines(record(gold_label="-"), record(gold_label="-")))
    assert "has no example for en (dropped: 2 no gold label)" in refusal("mnli", path)
