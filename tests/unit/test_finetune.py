"""The command that fine-tunes: the same bits however it is cut, stopped or repeated."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.tasks.small_cell import NAME, RUN, SmallCell, make_cell
from xmod.config_tasks import FinetuneConfig, TaskKind
from xmod.model.storage import ModelFileError, read_tensors
from xmod.task_jobs import Run
from xmod.tasks.features import FeatureFileError
from xmod.training.interruption import Interrupted
from xmod.training.progress import Progress

OTHERS = (
    Run(learning_rate=0.01, epochs=2, seed=2),
    Run(learning_rate=0.02, epochs=2, seed=1),
    Run(learning_rate=0.01, epochs=3, seed=1),
)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[TaskKind, SmallCell]:
    """A fine-tuned cell of each kind of task."""
    found: dict[TaskKind, SmallCell] = {}
    for kind in ("nli", "ner", "qa"):
        found[kind] = make_cell(tmp_path_factory.mktemp(kind), kind)
        found[kind].finetune()
    return found


def model_of(output: Path, run: Run = RUN) -> bytes:
    return (output / run.name / "model.safetensors").read_bytes()


def losses(output: Path, run: Run = RUN) -> list[str]:
    with (output / run.name / "history.csv").open(encoding="utf-8", newline="") as stream:
        return [row["loss"] for row in csv.DictReader(stream)]


@pytest.fixture
def at_update(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Have something happen while an update is under way, in whatever run."""
    count = Progress.count

    def patch(number: int, call: Callable[[], None]) -> None:
        def counted(self: Progress, update: int, **values: float) -> None:
            count(self, update, **values)  # type: ignore[arg-type]
            if update == number:
                call()

        monkeypatch.setattr(Progress, "count", counted)

    return patch


@pytest.mark.parametrize("kind", ["nli", "ner", "qa"])
def test_only_what_is_trained_is_kept(cells: dict[TaskKind, SmallCell], kind: TaskKind) -> None:
    path = cells[kind].finetuned / RUN.name / "model.safetensors"
    tensors, about = read_tensors(path, kind="finetuned")
    assert (about["cell"], about["task"], about["run"]) == (NAME, "task", RUN.name)
    assert any(name.startswith("head.") for name in tensors)
    assert "encoder.layers.1.feed_forward_in.weight" in tensors
    for part in ("token_embeddings", "position_embeddings", "embedding_norm", "language_modules"):
        assert not any(part in name for name in tensors), part


@pytest.mark.parametrize("kind", ["nli", "ner", "qa"])
def test_it_learns(cells: dict[TaskKind, SmallCell], tmp_path: Path, kind: TaskKind) -> None:
    run = Run(learning_rate=0.01, epochs=24 if kind == "nli" else 8, seed=1)
    history = [float(loss) for loss in losses(cells[kind].finetune(run, output=tmp_path), run)]
    assert sum(history[-3:]) < sum(history[:3]) - 0.9


def test_runs_in_one_job_are_those_of_a_job_each(
    cells: dict[TaskKind, SmallCell], tmp_path: Path
) -> None:
    cell = cells["ner"]
    torch.rand(7)  # nothing depends on the global generator
    cell.finetune(*OTHERS[::-1], RUN, output=tmp_path)
    for run in OTHERS:
        alone = cell.finetune(run, output=tmp_path / "alone")
        assert model_of(tmp_path, run) == model_of(alone, run)
        assert losses(tmp_path, run) == losses(alone, run)
    assert model_of(tmp_path) == model_of(cell.finetuned)
    assert len({model_of(tmp_path, run) for run in (RUN, *OTHERS)}) == 4


def test_interrupted_runs_end_in_the_same_bits(
    cells: dict[TaskKind, SmallCell],
    tmp_path: Path,
    at_update: Callable[[int, Callable[[], None]], None],
) -> None:
    """Stopped in the first run, killed in the same, and stopped in the second."""
    cell, runs = cells["qa"], (RUN, OTHERS[0])
    whole = cell.finetune(*runs, output=tmp_path / "whole")

    def crash() -> None:
        raise KeyError("the power went")

    for update, call, error in (
        (2, lambda: signal.raise_signal(signal.SIGTERM), Interrupted),
        (4, crash, KeyError),
        (5, lambda: signal.raise_signal(signal.SIGINT), Interrupted),
    ):
        at_update(update, call)
        with pytest.raises(error):
            cell.finetune(*runs, output=tmp_path / "cut")
    at_update(0, crash)
    cut = cell.finetune(*runs, output=tmp_path / "cut")
    for run in runs:
        assert model_of(cut, run) == model_of(whole, run)
        assert losses(cut, run) == losses(whole, run)


def test_a_finished_run_trains_nothing_again(
    cells: dict[TaskKind, SmallCell],
    tmp_path: Path,
    at_update: Callable[[int, Callable[[], None]], None],
) -> None:
    """Nor when its files are gone, as Snakemake deletes them before it runs a job again."""
    cell, checkpoints = cells["nli"], tmp_path / "checkpoints"
    first = cell.finetune(output=tmp_path / "first", checkpoints=checkpoints)
    trained: list[int] = []
    for update in range(1, 7):
        at_update(update, lambda: trained.append(1))
    again = cell.finetune(output=tmp_path / "again", checkpoints=checkpoints)
    assert trained == []
    assert model_of(again) == model_of(first)
    manifest = json.loads((again / RUN.name / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["run"] == RUN.model_dump()
    assert manifest["training_tokens"] > 0


def test_another_setting_does_not_go_on_from_it(
    cells: dict[TaskKind, SmallCell], tmp_path: Path
) -> None:
    cell, checkpoints = cells["nli"], tmp_path / "checkpoints"
    first = cell.finetune(output=tmp_path / "first", checkpoints=checkpoints)
    config = FinetuneConfig(batch_sequences=8, precision="float32", weight_decay=0.5)
    other = cell.finetune(output=tmp_path / "other", checkpoints=checkpoints, config=config)
    assert model_of(other) != model_of(first)


def test_an_added_language_may_be_the_source(tmp_path: Path) -> None:
    """As English in the paper's Model 2: with its own vocabulary, embeddings and modules."""
    cell = make_cell(tmp_path, "ner", source="fi")
    tensors, _ = read_tensors(cell.finetune() / RUN.name / "model.safetensors", kind="finetuned")
    assert not any("embedding" in name or "modules" in name for name in tensors)
    records = cell.evaluate()
    groups = {(one["language"], one["group"]) for one in records if one["metric"] == "f1"}
    assert {("fi", "source"), ("fi", "added"), ("en", "pretrained"), ("ka", "added")} <= groups
    assert ("en", "source") not in groups


def test_files_that_do_not_belong_are_named(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, "nli")
    features = cell.features("en") / "train.features"
    whole = features.read_bytes()
    features.write_bytes((cell.features("fi") / "test.features").read_bytes())
    with pytest.raises(FeatureFileError, match=rf"{features}: language is 'fi' where 'en' was exp"):
        cell.finetune()
    features.write_bytes(whole[:-4])
    with pytest.raises(FeatureFileError, match=rf"{features}: .* the file was cut short"):
        cell.finetune()
    (tmp_path / "spm.model").write_bytes((tmp_path / "vocabularies/fi/spm.model").read_bytes())
    with pytest.raises(ModelFileError, match=r"model\.safetensors .* one of the two is stale"):
        cell.finetune()


def test_an_extension_of_another_base_is_refused(tmp_path: Path) -> None:
    cell = make_cell(tmp_path / "one", "nli", source="fi")
    other = make_cell(tmp_path / "other", "nli", modules="shared")
    (cell.folder / "model.safetensors").write_bytes(
        (other.folder / "model.safetensors").read_bytes()
    )
    with pytest.raises(ModelFileError, match=r"fi/extension\.safetensors has base_sha256 .* stale"):
        cell.finetune()
