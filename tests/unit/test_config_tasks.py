"""The configuration of tasks: the paper's defaults, and what is no task."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.small_tasks import tasks
from xmod.config_tasks import TaskConfig, TaskDataConfig


def task(name: str, **changes: Any) -> TaskConfig:
    raw = tasks()[name]
    for key in ("learning_rates", "seeds", "max_length", "max_question_tokens"):
        raw.pop(key, None)
    return TaskConfig.model_validate({**raw, **changes})


def message(call: Any, **values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        call(**values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "select_by", "epochs", "max_length"),
    [
        ("nli", "pretrained", (5, 10), 128),
        ("ner", "pretrained", (5, 10), 128),
        ("qa", "source", (3, 5), 384),
    ],
)
def test_the_defaults_are_the_papers(
    kind: str, select_by: str, epochs: tuple[int, ...], max_length: int
) -> None:
    """Section 4.3 and footnote 12; lengths are XTREME's."""
    found = task(kind)
    assert (found.select_by, found.epochs, found.max_length) == (select_by, epochs, max_length)
    assert found.learning_rates == (1e-4, 3e-4, 5e-4)
    assert (found.seeds, found.source) == (5, "en")
    assert set(found.finetune.freezes) == {"embeddings", "positions", "modules"}
    assert task(kind, select_by="source", epochs=[1]).epochs == (1,)


@pytest.mark.parametrize(
    ("kind", "changes", "told"),
    [
        ("nli", {"kind": "nlu"}, "'nli', 'ner' or 'qa'"),
        ("nli", {"kind": ["nli"]}, "'nli', 'ner' or 'qa'"),
        ("nli", {"source": "fr"}, "train.languages is ['en']; it must be the source, [fr], alone"),
        ("nli", {"epochs": [5, 5]}, "epochs needs positive numbers, each once: [5, 5]"),
        ("nli", {"learning_rates": []}, "learning_rates needs positive numbers"),
        ("nli", {"tests": {}}, "tests is empty: name at least one set"),
        (
            "nli",
            {"tests": {"mine": {"format": "synthetic", "max_examples": 90, "languages": ["en"]}}},
            "mine.max_examples: 90 of format synthetic, kind nli; legal: multiples of 12",
        ),
        ("qa", {"max_question_tokens": 380}, "max_length (384) leaves no room for a context"),
        (
            "nli",
            {"development": {"format": "xnli", "path": "a", "languages": ["fr"]}},
            "development.languages lacks the source, en",
        ),
        (
            "ner",
            {"development": {"format": "squad", "path": "a"}},
            "development.format: squad is not of kind ner; legal: wikiann, synthetic",
        ),
        (
            "nli",
            {"tests": {"train": {"format": "xnli", "path": "a"}}},
            "tests: train is a name of its own; choose another",
        ),
    ],
)
def test_what_is_no_task_is_told(kind: str, changes: dict[str, Any], told: str) -> None:
    assert told in message(task, name=kind, **changes)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"format": "xnli"}, "path is given exactly when format is not 'synthetic'"),
        ({"format": "synthetic"}, "max_examples is missing"),
        ({"format": "mlqa", "path": "a"}, "split is given exactly when format is 'mlqa'"),
        ({"format": "squad", "path": "a", "question_language": "en"}, "for format 'mlqa' only"),
        ({"format": "squad", "path": "a", "languages": ["en", "de"]}, "one file for 2 languages"),
        ({"format": "xnli", "path": "a", "languages": ["en", "en"]}, "at least one, each once"),
        ({"format": "xnli", "path": "a", "languages": []}, "languages needs at least one"),
        ({"format": "xnli", "path": "a", "codes": {"zh": "zho"}}, "codes: zh is none of its lang"),
    ],
)
def test_what_is_no_set_of_examples_is_told(values: dict[str, Any], told: str) -> None:
    assert told in message(TaskDataConfig.model_validate, obj=values)


def test_files_go_by_code() -> None:
    data = {"format": "wikiann", "path": "{code}/dev", "languages": ["en", "zh"]}
    found = TaskDataConfig.model_validate({**data, "codes": {"zh": "zh-min"}})
    assert found.files() == ["en/dev", "zh-min/dev"]
    folder = {"format": "mlqa", "path": "MLQA_V1", "split": "dev", "languages": ["en", "de"]}
    assert TaskDataConfig.model_validate(folder).files() == [
        "MLQA_V1/dev/dev-context-en-question-en.json",
        "MLQA_V1/dev/dev-context-de-question-de.json",
    ]


def test_what_decides_features() -> None:
    """The windows' settings are of QA alone."""
    assert task("nli", stride=7).encoding == {"max_length": 128}
    windows = {"max_length": 384, "stride": 7, "max_question_tokens": 64}
    assert task("qa", stride=7).encoding == windows
