"""Jobs of tasks: which runs there are, what each is told, and what changes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.small_tasks import ADDED, PRETRAINED, tasks, texts, with_tasks
from tests.unit.test_jobs import HARDWARE, keys
from xmod import jobs
from xmod.config_section import Section
from xmod.config_tasks import TaskConfig
from xmod.task_jobs import EncodeJob, EvaluateJob, FinetuneJob, ReadJob, Run, RunBatch

KINDS: dict[str, type[Section]] = {
    "tasks": ReadJob,
    "features": EncodeJob,
    "added_features": EncodeJob,
    "finetune": FinetuneJob,
    "evaluate": EvaluateJob,
}


@pytest.fixture
def raw(small: dict[str, Any]) -> dict[str, Any]:
    return with_tasks(small)


def job(raw: dict[str, Any], stage: str, task: str, *, variant: str = "") -> dict[str, Any]:
    """The first job of a stage, of a variant's cell where there is one."""
    found = next(
        text
        for (one, of, name, _), text in texts(raw).items()
        if (one, of) == (stage, task) and name.startswith(variant)
    )
    result: dict[str, Any] = json.loads(found)
    return result


def task_config(**changes: Any) -> TaskConfig:
    return TaskConfig.model_validate({**tasks()["nli"], **changes})


numbers = st.integers(1, 9)
rates = st.lists(st.sampled_from([1e-5, 1e-4, 3e-4, 0.001, 0.01, 1.0]), min_size=1, unique=True)


@given(rates=rates, epochs=st.lists(numbers, min_size=1, unique=True), seeds=numbers, size=numbers)
def test_every_run_is_in_one_batch(
    rates: list[float], epochs: list[int], seeds: int, size: int
) -> None:
    task = task_config(learning_rates=rates, epochs=epochs, seeds=seeds)
    runs, batches = Run.all_of(task), RunBatch.all_of(task, size=size)
    assert len({run.name for run in runs}) == len(rates) * len(epochs) * seeds
    assert [run for batch in batches for run in batch.runs] == runs
    assert len({batch.name for batch in batches}) == len(batches) == -(-len(runs) // size)
    for batch in batches:
        assert re.fullmatch(r"[a-z0-9-]+", batch.name), "a part of the names of rules and files"


@given(rates=rates, epochs=st.lists(numbers, min_size=1, unique=True), seeds=numbers)
def test_further_runs_rename_none(rates: list[float], epochs: list[int], seeds: int) -> None:
    """Neither those of a further seed, nor of a further learning rate or number of epochs."""

    def batches(**values: Any) -> set[tuple[str, tuple[Run, ...]]]:
        settings = {"learning_rates": rates, "epochs": epochs, "seeds": seeds, **values}
        return {(one.name, one.runs) for one in RunBatch.all_of(task_config(**settings), size=1)}

    before = batches()
    assert before < batches(seeds=seeds + 1)
    assert before < batches(learning_rates=[0.5, *rates])
    assert before < batches(epochs=[99, *epochs])


def test_a_runs_name_is_its_setting() -> None:
    run = Run(learning_rate=0.0003, epochs=5, seed=1)
    assert run.name == "learning_rate=0.0003+epochs=5+seed=1"
    (batch,) = RunBatch.all_of(task_config(learning_rates=[3e-4], epochs=[5], seeds=1), size=9)
    assert batch.name == "learning-rate-0-0003-epochs-5-seed-1"


def test_a_set_is_encoded_in_the_languages_that_it_has(raw: dict[str, Any]) -> None:
    """In the shared vocabulary all of them, in the table's order of no matter; each added one in
    its own."""
    shared = job(raw, "features", "nli")
    assert shared["sets"]["train"] == ["en"]
    assert set(shared["sets"]["xnli"]) == {"en", "fr", "de", "sw"}
    assert shared["settings"] == {"max_length": 32}
    assert job(raw, "added_features", "nli")["sets"] == {"development": ["de"], "xnli": ["de"]}
    settings = job(raw, "features", "qa")["settings"]
    assert settings == {"max_length": 32, "stride": 128, "max_question_tokens": 16}


def test_a_cell_is_evaluated_in_its_own_languages(raw: dict[str, Any]) -> None:
    """Of those that the set has; of the added ones those that the task has."""
    told = job(raw, "evaluate", "nli", variant="xmod")
    assert told["sets"] == {"development": ["en", "fr", "de"], "xnli": ["en", "fr", "de"]}
    assert told["languages"] == PRETRAINED
    assert told["added"] == ["de"]
    assert "is" in ADDED
    assert job(raw, "evaluate", "qa")["mlqa_sets"] == ["mlqa"]


def test_controls_are_for_language_modules(raw: dict[str, Any]) -> None:
    assert job(raw, "evaluate", "nli", variant="xmod")["controls"] == ["source_module"]
    assert job(raw, "evaluate", "nli", variant="shared")["controls"] == []


def test_every_text_reads_back_as_its_job(raw: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    for (stage, task, name, _), text in texts(raw).items():
        path.write_text(text, encoding="utf-8")
        read = KINDS[stage].read(path)
        assert jobs.text(read) == text
        assert not keys(json.loads(text)) & HARDWARE
        assert getattr(read, "task", None) == task
        if stage in ("finetune", "evaluate"):
            assert getattr(read, "cell", None) == name


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"max_length": 24}, {"features", "added_features"}),
        ({"finetune": {"weight_decay": 0.1}}, {"finetune"}),
        ({"finetune": {"recipe_version": 3}}, {"finetune"}),
        ({"finetune": {"freezes": ["embeddings"]}}, {"finetune"}),
        ({"max_answer_tokens": 9}, {"evaluate"}),
        ({"controls": ["other_module"]}, {"evaluate"}),
        ({"select_by": "source"}, set()),
        ({"train": {"format": "mnli", "path": "other.jsonl"}}, {"tasks"}),
        ({"stride": 9}, set()),
    ],
)
def test_a_change_is_told_to_whom_it_concerns(
    raw: dict[str, Any], change: dict[str, Any], stages: set[str]
) -> None:
    """And to no other task; of the choice of runs, the rule itself is told."""
    before = texts(raw)
    raw["tasks"]["nli"] |= change
    after = texts(raw)
    assert before.keys() == after.keys()
    changed = {key[:2] for key in before if before[key] != after[key]}
    assert changed == {(stage, "nli") for stage in stages}
