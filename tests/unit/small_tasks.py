"""A small grid with a task of each kind, and everything that its jobs are told."""

from __future__ import annotations

import copy
from typing import Any

from tests.unit.test_jobs import loaded
from xmod.dag import Dag
from xmod.task_dag import DATA_STAGES

PRETRAINED = ["en", "fr", "ru"]
ADDED = ["de", "tr", "is"]
"""Icelandic has no task."""


def with_tasks(small: dict[str, Any]) -> dict[str, Any]:
    """config/small.yaml with a grid and tasks of one's own."""
    raw = copy.deepcopy(small)
    raw["language_sets"] = {"three": {"include": PRETRAINED}, "two": {"include": ["fr", "ru"]}}
    raw["experiments"] = {
        "main": {
            "axes": {"variant": ["shared", "xmod"], "language_set": ["three"], "budget": [10]},
            "add_languages": ADDED,
        }
    }
    raw["figures"] = raw["tables"] = []
    raw["jobs"] = {"languages_per_job": 2, "runs_per_job": 1}
    raw["tasks"] = tasks()
    return raw


def tasks() -> dict[str, Any]:
    xnli = {"format": "xnli", "path": "xnli.dev.tsv", "languages": ["en", "fr", "de", "sw"]}
    wikiann = {"format": "wikiann", "path": "{code}/dev", "languages": ["en", "ru", "tr"]}
    short = {"learning_rates": [1e-4, 3e-4], "seeds": 2, "max_length": 32}
    return {
        "nli": {
            **{"kind": "nli", "train": {"format": "mnli", "path": "mnli.jsonl"}},
            **{"development": xnli, "tests": {"xnli": {**xnli, "path": "xnli.test.tsv"}}, **short},
            "controls": ["source_module"],
        },
        "ner": {
            **{"kind": "ner", "train": {"format": "wikiann", "path": "en/train"}},
            **{"development": wikiann, "tests": {"ner": {**wikiann, "path": "{code}/test"}}},
            **short,
        },
        "qa": {
            **{"kind": "qa", "train": {"format": "squad", "path": "train-v1.1.json"}},
            "development": {"format": "squad", "path": "dev-v1.1.json"},
            "tests": {
                "xquad": {"format": "squad", "path": "{code}.json", "languages": ["en", "de"]},
                "mlqa": {
                    **{"format": "mlqa", "path": "MLQA_V1", "split": "test"},
                    "languages": ["en", "de"],
                },
            },
            **{**short, "max_question_tokens": 16},
        },
    }


Key = tuple[str, str, str, str]
"""Stage, task, the cell or scope, and the job's part of it."""


def texts(raw: dict[str, Any]) -> dict[Key, str]:
    """Everything that any job of any task is told."""
    tasks = loaded(raw).tasks
    found: dict[Key, str] = {}
    for task in tasks.cells:
        parts = {
            "tasks": ["job"],
            "features": ["job"],
            "added_features": [f"job-{one.name}" for one in tasks.added_batches(task)],
        }
        for stage in DATA_STAGES:
            for scope in tasks.scopes(stage, task):
                for part in parts[stage]:
                    found[stage, task, scope, part] = tasks.job_text(stage, task, scope, part)
        for stage in ("finetune", "evaluate"):
            for cell in cells(loaded(raw), stage, task):
                for batch in tasks.run_batches(stage, task):
                    part = f"job-{batch.name}"
                    found[stage, task, cell, part] = tasks.job_text(stage, task, cell, part)
    return found


def cells(dag: Dag, stage: str, task: str) -> list[str]:
    """The ids of the cells that a stage of a task has."""
    found = dict.fromkeys(
        (dag.tasks.finetuned(task, cell) if stage == "finetune" else cell.at(stage, task)).id
        for cell in dag.tasks.cells[task]
    )
    return list(found)
