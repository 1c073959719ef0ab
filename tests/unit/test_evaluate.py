"""The command that evaluates: every language in its own way, controls beside it, nothing stale."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from tests.unit.tasks.small_cell import ADDED, BASELINE, PRETRAINED, RUN, SETS, SmallCell, make_cell
from xmod import evaluate
from xmod.config_tasks import Control, TaskKind
from xmod.files import sha256_file
from xmod.measured import TASK_METRICS, task_metrics
from xmod.model.finetuning import with_trained
from xmod.model.storage import (
    ModelFileError,
    read_extension,
    read_finetuned,
    read_model,
    read_tensors,
    save_tensors,
)
from xmod.model.task_heads import TaskModel
from xmod.task_jobs import Run
from xmod.tasks.examples import TaskDataError, read_examples
from xmod.tasks.features import FeatureFileError, Features
from xmod.tasks.heads import HEADS
from xmod.tasks.predicting import predict
from xmod.tasks.predictions import read_predictions
from xmod.tasks.scoring import METRICS, decode, score
from xmod.tokenization.vocabulary import Vocabulary

Records = list[dict[str, Any]]
KINDS: tuple[TaskKind, ...] = ("nli", "ner", "qa")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[TaskKind, tuple[SmallCell, Records]]:
    """A fine-tuned and evaluated cell of each kind of task."""
    found: dict[TaskKind, tuple[SmallCell, Records]] = {}
    for kind in KINDS:
        cell = make_cell(tmp_path_factory.mktemp(kind), kind)
        cell.finetune()
        found[kind] = cell, cell.evaluate()
    return found


@pytest.fixture
def own(made: dict[TaskKind, tuple[SmallCell, Records]], tmp_path: Path) -> SmallCell:
    """A copy of the NLI cell, to be spoilt."""
    shutil.copytree(made["nli"][0].folder, tmp_path / "cell")
    return SmallCell(folder=tmp_path / "cell", kind="nli")


def values(records: Records, *, metric: str, group: str | None = None) -> dict[str, float]:
    """Language -> score on the test set."""
    return {
        one["language"]: one["value"]
        for one in records
        if one["task"] == "test" and one["metric"] == metric and group in (None, one["group"])
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_language_is_measured(
    made: dict[TaskKind, tuple[SmallCell, Records]], kind: TaskKind
) -> None:
    _, records = made[kind]
    for metric in METRICS[kind]:
        assert values(records, metric=metric, group="source").keys() == {"en"}
        assert values(records, metric=metric, group="pretrained").keys() == set(PRETRAINED)
        assert values(records, metric=metric, group="added").keys() == set(ADDED)
    development = [one for one in records if one["stage"] == "development"]
    assert {one["task"] for one in development} == {"task"}
    assert {one["language"] for one in development} == set(SETS["development"])
    assert {one["seed"] for one in records} == {RUN.seed}
    identities = [tuple(v for key, v in one.items() if key != "value") for one in records]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_what_a_figure_may_show(
    made: dict[TaskKind, tuple[SmallCell, Records]], kind: TaskKind
) -> None:
    """Metrics and controls; tests of baselines hold their names."""
    assert METRICS[kind] == TASK_METRICS[kind]
    made_up = f"{BASELINE['metric']}_{BASELINE['baseline']}"
    listed = task_metrics(kind, stage="development", controls=get_args(Control))
    for stage in ("evaluate", "development"):
        written = {one["metric"] for one in made[kind][1] if one["stage"] == stage}
        assert written - {made_up} == set(listed)


def test_controls_stand_beside_the_scores(
    made: dict[TaskKind, tuple[SmallCell, Records]],
) -> None:
    """The source language has no other source; every language has another."""
    cell, records = made["nli"]
    languages = {*PRETRAINED, *ADDED}
    assert values(records, metric="accuracy_source_module").keys() == languages - {"en"}
    assert values(records, metric="accuracy_other_module").keys() == languages
    folder = cell.folder / "evaluated" / RUN.name / "predictions"
    for name in ("test.sw.jsonl.gz", "test.sw.source_module.jsonl.gz", "development.fi.jsonl.gz"):
        assert (folder / name).is_file()


def test_baselines_stand_beside_the_scores(
    made: dict[TaskKind, tuple[SmallCell, Records]],
) -> None:
    assert values(made["nli"][1], metric="accuracy_majority_label") == {"sw": 40.0}


def test_a_shared_module_has_no_controls(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, "nli", modules="shared")
    cell.finetune()
    records = cell.evaluate()
    assert values(records, metric="accuracy", group="added").keys() == set(ADDED)
    assert not any("module" in one["metric"] for one in records)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_come_back_from_the_predictions(
    made: dict[TaskKind, tuple[SmallCell, Records]], kind: TaskKind
) -> None:
    """Every one, those of controls among them."""
    cell, records = made[kind]
    files = sorted((cell.folder / "evaluated" / RUN.name / "predictions").iterdir())
    found: dict[tuple[str, str, str], float] = {}
    for path in files:
        name, iso, *control = path.name.removesuffix(".jsonl.gz").split(".")
        gold = list(read_examples(cell.folder / f"examples/{name}/{iso}.jsonl", kind))
        again = score(kind, gold, read_predictions(path, kind))
        for metric, value in again.items():
            found[name, iso, "_".join([metric, *control])] = value
    told = {
        ("development" if one["stage"] == "development" else one["task"], one["language"],
         one["metric"]): one["value"]
        for one in records
        if "majority" not in one["metric"]
    }  # fmt: skip
    assert found == told


@pytest.mark.parametrize("iso", ["sw", "fi"])
def test_a_language_is_measured_with_what_is_its_own(
    made: dict[TaskKind, tuple[SmallCell, Records]], iso: str
) -> None:
    """The same predictions as of a model put together by hand."""
    cell, _ = made["qa"]
    vocabulary = Vocabulary.open(cell.folder / "spm.model")
    path = cell.folder / "model.safetensors"
    model, sha256 = read_model(path, vocabulary=vocabulary.fingerprint), sha256_file(path)
    if iso in ADDED:
        vocabulary = Vocabulary.open(cell.folder / f"vocabularies/{iso}/spm.model")
        model = read_extension(
            cell.folder / f"extensions/{iso}/extension.safetensors",
            model,
            language=iso,
            vocabulary=vocabulary.fingerprint,
            base_sha256=sha256,
        )
    trained, head = read_finetuned(
        cell.finetuned / RUN.name / "model.safetensors",
        task="task",
        run=RUN.name,
        base_sha256=sha256,
    )
    encoder = with_trained(model.encoder, trained)
    finetuned = TaskModel(encoder, kind=HEADS["qa"][0], num_outputs=2).eval()
    finetuned.head.load_state_dict(head)
    features = Features.open(
        cell.features(iso) / "test.features", kind="qa", vocabulary=vocabulary, language=iso
    )
    examples = list(read_examples(cell.folder / f"examples/test/{iso}.jsonl", "qa"))
    logits = predict(finetuned, features, language=iso, precision="float32")
    expected = list(decode(features, examples, logits, max_answer_tokens=5))
    folder = cell.folder / "evaluated" / RUN.name / "predictions"
    assert list(read_predictions(folder / f"test.{iso}.jsonl.gz", "qa")) == expected


def test_the_same_run_gives_the_same_bytes_and_leaves_nothing_else(own: SmallCell) -> None:
    output = own.folder / "evaluated" / RUN.name

    def content() -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in sorted(output.rglob("*"))
            if path.is_file() and path.name != "manifest.json"
        }

    before = content()
    torch.rand(7)
    own.evaluate()
    assert content() == before
    own.evaluate(controls=())
    assert content().keys() < before.keys()
    assert not any("module" in name for name in content())
    manifest = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["outputs"]) == 1 + len(list(output.glob("predictions/*")))


def test_several_runs_are_measured_one_by_one(
    made: dict[TaskKind, tuple[SmallCell, Records]], own: SmallCell
) -> None:
    other = Run(learning_rate=0.01, epochs=2, seed=2)
    own.finetune(other)
    assert own.evaluate(RUN, other) == made["nli"][1]
    together = (own.folder / "evaluated" / other.name / "scores.json").read_bytes()
    assert {one["seed"] for one in json.loads(together)["records"]} == {2}
    own.evaluate(other)
    assert (own.folder / "evaluated" / other.name / "scores.json").read_bytes() == together


def test_mlqas_rules_are_for_its_sets(made: dict[TaskKind, tuple[SmallCell, Records]]) -> None:
    cell, _ = made["qa"]
    assert cell.evaluate(sets={"test": ("en",)}, mlqa_sets=("test",), added=())
    with pytest.raises(ValueError, match="sw"):
        cell.evaluate(sets={"test": ("sw",)}, mlqa_sets=("test",), added=())
    cell.evaluate()


def finetuned_path(cell: SmallCell) -> Path:
    return cell.finetuned / RUN.name / "model.safetensors"


def rewrite(path: Path, *, kind: str = "finetuned", **changes: Any) -> None:
    """Write a file anew, with some of what it says of itself changed."""
    tensors, about = read_tensors(path, kind=kind)
    save_tensors(path, tensors, **{**about, **changes})


def spoil_base(cell: SmallCell) -> None:
    rewrite(cell.folder / "model.safetensors", kind="model", cell="another")


def spoil_task(cell: SmallCell) -> None:
    rewrite(finetuned_path(cell), task="other")


def spoil_run(cell: SmallCell) -> None:
    other = Run(learning_rate=0.5, epochs=2, seed=1)
    shutil.move(cell.finetuned / RUN.name, cell.finetuned / other.name)
    cell.evaluate(other)


def spoil_head(cell: SmallCell) -> None:
    tensors, about = read_tensors(finetuned_path(cell), kind="finetuned")
    tensors["head.output.bias"] = torch.zeros(4)
    save_tensors(finetuned_path(cell), tensors, **about)


def spoil_weight(cell: SmallCell) -> None:
    tensors, about = read_tensors(finetuned_path(cell), kind="finetuned")
    tensors["encoder.layers.7.weight"] = torch.zeros(4)
    save_tensors(finetuned_path(cell), tensors, **about)


def cut(cell: SmallCell) -> None:
    path = finetuned_path(cell)
    path.write_bytes(path.read_bytes()[:-9])


def spoil_features(cell: SmallCell) -> None:
    shutil.copy(cell.features("sw") / "test.features", cell.features("to") / "test.features")


def spoil_vocabulary(cell: SmallCell) -> None:
    shutil.copy(cell.features("fi") / "test.features", cell.features("ka") / "test.features")


def spoil_examples(cell: SmallCell) -> None:
    path = cell.folder / "examples/test/sw.jsonl"
    path.write_text(path.read_text("utf-8").replace("neutral", "entailment"), encoding="utf-8")


def spoil_extension(cell: SmallCell) -> None:
    folder = cell.folder / "extensions"
    shutil.copy(folder / "fi/extension.safetensors", folder / "ka/extension.safetensors")


@pytest.mark.parametrize(
    ("spoil", "error", "told"),
    [
        (spoil_base, ModelFileError, "extension.safetensors has base_sha256"),
        (spoil_task, ModelFileError, "model.safetensors has task 'other', wanted 'task': it is st"),
        (spoil_run, ModelFileError, "run 'learning_rate=0.01+epochs=2+seed=1', wanted 'learning"),
        (spoil_head, ModelFileError, "model.safetensors does not fit cell xmod.test.three.8: its "),
        (spoil_weight, ModelFileError, "its weight layers.7.weight (4,) does not fit the encoder"),
        (cut, ModelFileError, "model.safetensors cannot be read as safetensors"),
        (spoil_features, FeatureFileError, "to/test.features: language is 'sw' where 'to' was"),
        (spoil_vocabulary, FeatureFileError, "ka/test.features: language is 'fi' where 'ka' was"),
        (spoil_examples, FeatureFileError, "sw/test.features was not made from "),
        (spoil_extension, ModelFileError, "ka/extension.safetensors has language 'fi', wanted"),
    ],
)
def test_files_that_do_not_belong_are_named(
    own: SmallCell, spoil: Callable[[SmallCell], None], error: type[ValueError], told: str
) -> None:
    def evaluated() -> None:
        spoil(own)
        own.evaluate()

    with pytest.raises(error) as caught:
        evaluated()
    assert told in str(caught.value)
    assert str(own.folder) in str(caught.value)


def test_a_finetuned_model_of_another_base_is_stale(own: SmallCell) -> None:
    rewrite(finetuned_path(own), base_sha256="other")
    with pytest.raises(ModelFileError, match=r"has base_sha256 'other', wanted '.*: it is stale"):
        own.evaluate()


def test_examples_that_are_cut_short_are_named(own: SmallCell) -> None:
    """Where the features were made from what is left of them."""
    path, features = own.folder / "examples/test/sw.jsonl", own.features("sw") / "test.features"
    before = sha256_file(path).encode()
    path.write_bytes(path.read_bytes()[:-20])
    features.write_bytes(features.read_bytes().replace(before, sha256_file(path).encode()))
    with pytest.raises(TaskDataError, match=rf"{path}:6 is no nli example"):
        own.evaluate()


def test_added_languages_need_their_files(own: SmallCell) -> None:
    with pytest.raises(ValueError, match=r"added is \['fi', 'ka'\], which needs --extensions"):
        evaluate.main(
            [
                *("--job", str(own.folder / "evaluate.json"), "--threads", "1"),
                *("--model", str(own.folder / "model.safetensors")),
                *("--vocabulary", str(own.folder / "spm.model")),
                *("--finetuned", str(own.finetuned), "--examples", str(own.folder / "examples")),
                *("--features", str(own.folder / "features")),
                *("--baselines", str(own.folder / "baselines.json")),
                *("--output", str(own.folder / "evaluated")),
            ]
        )
