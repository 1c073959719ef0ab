"""The paper's further experiments through Snakemake: adapters, intermediate checkpoints, and a
model that English is added to."""

from __future__ import annotations

import copy
import json

import pandas as pd
import pytest

from tests.workflow.project import Project, make_project
from tests.workflow.task_files import TASKS, write_task_files

CHECKPOINT = "xmod.tiny.three.12+checkpoint=0.5"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("experiments") / "project")
    write_task_files(project.folder)
    project.config["model"]["max_positions"] = 24
    project.config["language_sets"]["swapped"] = {"include": ["de", "fr"]}
    project.config["adapters"] = {
        "language_set": "two",
        "sequence_length": 16,
        "batch_sequences": 4,
        "sequences_per_draw": 4,
        "peak_learning_rate": 0.01,
    }
    cells = {"budget": [12]}
    project.config["experiments"] = {
        "swap": {
            "axes": {"variant": ["xmod"], "language_set": ["swapped"], **cells},
            "add_languages": ["en", "tr"],
            "evaluate": ["nli"],
        },
        "adapters": {
            "axes": {"variant": ["adapters"], "language_set": ["three"], **cells},
            "add_languages": ["de"],
            "evaluate": [],
        },
        "checkpoints": {
            "axes": {
                "variant": ["xmod"],
                "language_set": ["three"],
                "checkpoint": [0.25, 0.5, 1.0],
                **cells,
            },
            "add_languages": ["de"],
            "evaluate": [],
        },
    }
    task = copy.deepcopy(TASKS["nli"])
    task["learning_rates"] = task["learning_rates"][:1]
    project.config["tasks"] = {"nli": task}
    project.config["figures"] = project.config["tables"] = []
    project.snakemake()
    return project


def metrics(project: Project, experiment: str) -> pd.DataFrame:
    frame = pd.read_csv(project.result("summary/metrics.csv"))
    return frame[frame["experiment"] == experiment]


def manifest(project: Project, path: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(project.result(path).read_text(encoding="utf-8"))
    return found


def test_adapters_are_trained_on_top_of_the_smaller_share_of_updates(finished: Project) -> None:
    base = finished.result("pretrain/shared_nm.tiny.three.10/model.safetensors")
    assert base.exists()
    joined = manifest(finished, "pretrain/adapters.tiny.three.12/manifest.json")
    assert str(joined["base"]).count("shared_nm.tiny.three.10") == 1
    one = manifest(finished, "adapt/adapters.tiny.three.12/en/manifest.json")
    assert one["training_tokens"] == 2 * 4 * 16  # two updates are left of twelve
    assert not finished.result("adapt/adapters.tiny.three.12/ru").exists()  # of the set `two` only


def test_adapters_are_measured_in_the_languages_that_have_one(finished: Project) -> None:
    rows = metrics(finished, "adapters")
    assert set(rows["stage"]) == {"perplexity"}
    assert set(rows[rows["group"] == "pretrained"]["language"]) == {"en", "fr"}
    assert set(rows[rows["group"] == "added"]["language"]) == {"de"}


def test_checkpoints_are_of_one_training(finished: Project) -> None:
    cells = {path.name for path in finished.result("pretrain").iterdir()}
    assert {name for name in cells if name.startswith("xmod.tiny.three")} == {"xmod.tiny.three.12"}
    rows = metrics(finished, "checkpoints")
    nll = rows[(rows["metric"] == "nll") & (rows["language"] == "en")].set_index("checkpoint")
    assert list(nll.index) == [0.25, 0.5, 1.0]
    assert nll["value"].is_monotonic_decreasing


def test_added_languages_have_seen_as_many_examples_as_the_checkpoint(finished: Project) -> None:
    whole, half = (
        manifest(finished, f"extend/{cell}/de/manifest.json")["training_tokens"]
        for cell in ("xmod.tiny.three.12", CHECKPOINT)
    )
    assert isinstance(whole, int)
    assert whole == 2 * int(str(half))


def test_source_language_may_be_an_added_one(finished: Project) -> None:
    rows = metrics(finished, "swap")
    source = rows[(rows["stage"] == "evaluate") & (rows["language"] == "en")]
    assert set(source["group"]) == {"source", "added"}


def test_a_further_checkpoint_is_of_the_same_training(finished: Project) -> None:
    cell = "results/tiny/pretrain/xmod.tiny.three.12"
    model = finished.folder / cell / "checkpoint=0.5/model.safetensors"
    before = model.read_bytes()
    finished.config["experiments"]["checkpoints"]["axes"]["checkpoint"].append(0.75)
    finished.snakemake(f"{cell}/checkpoint=0.75/model.safetensors")
    assert model.read_bytes() == before
