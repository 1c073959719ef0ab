"""MLQA's folder: which file is taken for which languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.tasks.formats.format_files import read_all, refusal, write
from xmod.tasks.examples import QaExample

ASKED = {"en": "Where?", "de": "Wo?"}
CONTEXTS = {"en": "By the sea.", "de": "Am Meer."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """English and German contexts, with questions in both for the English."""
    for split in ("dev", "test"):
        for context, question in (("en", "en"), ("en", "de"), ("de", "de")):
            text = CONTEXTS[context]
            qas = [
                {
                    "id": f"{split}-1",
                    "question": ASKED[question],
                    "answers": [{"text": text[:-1], "answer_start": 0}],
                }
            ]
            article = {"title": "A", "paragraphs": [{"context": text, "qas": qas}]}
            name = f"{split}-context-{context}-question-{question}.json"
            write(
                tmp_path / "MLQA_V1" / split / name,
                json.dumps({"version": 1.0, "data": [article]}),
            )
    return tmp_path / "MLQA_V1"


@pytest.mark.parametrize(
    ("context", "question"), [("en", None), ("en", "en"), ("en", "de"), ("de", None)]
)
def test_the_pair_is_read(folder: Path, context: str, question: str | None) -> None:
    for split in ("dev", "test"):
        (example,), drops = read_all(
            "mlqa", folder, language=context, split=split, question_code=question
        )
        assert isinstance(example, QaExample)
        assert example.id == f"{split}-1"
        assert example.context == CONTEXTS[context]
        assert example.question == ASKED[question or context]
        assert not drops


def test_a_language_can_have_another_code(folder: Path) -> None:
    examples, _ = read_all("mlqa", folder, language="gsw", code="de", split="dev")
    assert len(examples) == 1


def test_a_pair_that_is_not_there_is_named(folder: Path) -> None:
    message = refusal("mlqa", folder, language="de", split="dev", question_code="en")
    assert message.startswith(
        f"{folder}/dev/dev-context-de-question-en.json is not there; there are "
        "(context-question) de-de, en-de, en-en."
    )


def test_a_folder_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    message = refusal("mlqa", tmp_path / "x", split="dev")
    assert f"there is no folder {tmp_path / 'x' / 'dev'}" in message
    assert "must be the folder MLQA_V1 as MLQA_V1.zip has it" in message
    assert "there is no folder" in refusal("mlqa", folder / "dev", split="dev")


@pytest.mark.parametrize("split", ["train", None])
def test_it_has_no_training_set(folder: Path, split: str | None) -> None:
    assert f"split {split!r}; MLQA has no training set: legal: dev, test" in refusal(
        "mlqa", folder, split=split
    )


def test_a_question_that_is_wrong_is_named(folder: Path) -> None:
    path = folder / "dev/dev-context-en-question-en.json"
    write(path, path.read_text(encoding="utf-8").replace("By the sea.", "By the lake."))
    message = refusal("mlqa", folder, split="dev")
    assert message.startswith(
        f"{path}: data[0].paragraphs[0].qas[0].answers[0] (question 'dev-1'): the answer is"
    )
