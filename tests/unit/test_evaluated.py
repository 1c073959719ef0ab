"""What a configuration's experiments are evaluated on."""

from __future__ import annotations

from typing import Any

from xmod.config import parse
from xmod.evaluated import evaluated_sets

SYNTHETIC = {"format": "synthetic", "max_examples": 36}
FILES = {"format": "xnli", "path": "xnli.tsv", "languages": ["en", "ar"]}
TASKS = {
    "nli": {"kind": "nli", "train": {"format": "mnli", "path": "train.jsonl"},
            "development": FILES, "tests": {"xnli": FILES, "made": SYNTHETIC}, "seeds": 3},
    "ner": {"kind": "ner", "train": SYNTHETIC, "development": SYNTHETIC,
            "tests": {"ner": {"format": "wikiann", "path": "{code}/test"}}},
}  # fmt: skip


def test_every_set_of_every_experiment(small: dict[str, Any]) -> None:
    main = next(iter(small["experiments"].values()))
    small["experiments"] = {"all": main, "one": {**main, "evaluate": ["nli"]}}
    found = evaluated_sets(parse({**small, "tasks": TASKS}, origin="test.yaml"))
    assert [
        (one.experiment, one.stage, one.task, one.seeds, one.synthetic) for one in found
    ] == [
        ("all", "evaluate", "xnli", 3, False),
        ("all", "evaluate", "made", 3, True),
        ("all", "development", "nli", 3, False),
        ("all", "evaluate", "ner", 5, True),  # fine-tuned on what a program made
        ("all", "development", "ner", 5, True),
        ("one", "evaluate", "xnli", 3, False),
        ("one", "evaluate", "made", 3, True),
        ("one", "development", "nli", 3, False),
    ]  # fmt: skip


def test_without_tasks_there_are_none(small: dict[str, Any]) -> None:
    assert evaluated_sets(parse({**small, "tasks": {}}, origin="test.yaml")) == ()
