"""The card of an exported model says what this configuration did to it, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.shapes import model_config
from tests.unit.test_jobs import loaded
from xmod.export_card import RELEASED_LICENCE, card_of
from xmod.export_source import Source
from xmod.files import write_json_atomic
from xmod.interop.model_card import Card
from xmod.model import MaskedLanguageModel
from xmod.model.task_heads import TaskModel

ROOT = Path(__file__).parents[2]
CELL = "xmod.base.13.125k"
RUN = "learning_rate=0.0001+epochs=5+seed=1"


@pytest.fixture
def raw(tmp_path: Path) -> dict[str, Any]:
    """config/released.yaml, with results elsewhere."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "config/released.yaml").read_text("utf-8"))
    found["results"] = str(tmp_path)
    found["sources"]["table"] = str(ROOT / "config/sources.tsv")
    return found


def card(raw: dict[str, Any], language: str | None = None, task: str | None = None) -> Card:
    """Of a cell that has gone through every stage, by what lies beside its results."""
    dag = loaded(raw)
    cell = next(one for one in dag.grid.cells if one.id == CELL)
    source = Source(dag=dag, cell=cell, language=language, task=task, run=RUN if task else "")
    paths, pretrained = dag.paths, cell.at("pretrain").id
    made = {paths.pretrained(pretrained, "manifest.json"): "pretrain"}
    if language:
        made[paths.extension(cell.at("extend").id, language, "manifest.json")] = "extend"
    if task:
        seen = dag.tasks.finetuned(task, cell).id
        made[paths.task_file("finetune", task, seen, RUN, "manifest.json")] = "finetune"
    for path, stage in made.items():
        write_json_atomic(Path(path), manifest(stage, is_released=source.is_released))
    for iso in source.languages:
        stats = paths.corpus(cell.scope("corpora"), iso, "stats.json")
        write_json_atomic(Path(stats), {"splits": {"train": {"characters": 1234}}})
    model = MaskedLanguageModel(
        model_config(), module_kind="language", languages=source.languages, vocabulary_size=20
    )
    if task is None:
        return card_of(source, model)
    return card_of(source, TaskModel(model.encoder, kind="sentence", num_outputs=3))


def manifest(stage: str, *, is_released: bool) -> dict[str, Any]:
    """As the commands write it."""
    found: dict[str, Any] = {"stage": stage, "git_commit": "abc", "finished_at": "2026-01-01"}
    found["outputs"] = [{"path": "model.safetensors", "sha256": f"of {stage}"}]
    if stage == "pretrain" and is_released:
        place = f"/home/me/data/{CELL}"
        names = ("job.json", "spm.model", f"{place}.tar.gz")
        found["inputs"] = [{"path": name, "sha256": f"of {Path(name).name}"} for name in names]
        found["config"] = {"path": place}
        found["released"] = {"style": "fairseq", "left_out": ["sw_KE"], "settings": {}}
    return found


def sections(card: Card) -> set[str]:
    return {key.partition(".")[0] for key in card.settings}


def test_a_released_cell_is_the_authors(raw: dict[str, Any]) -> None:
    found = card(raw)
    assert "weights are the authors', as they released them" in found.what
    assert {row.characters for row in found.languages} == {None}
    assert sections(found) == {"variant", "language_set", "model"}
    assert found.licences == {"the authors' weights": RELEASED_LICENCE, "xlmr (vocabulary)": "MIT"}
    assert found.origin == {
        "released.checkpoint": CELL,
        "released.layout": "fairseq",
        f"released.{CELL}.tar.gz.sha256": f"of {CELL}.tar.gz",
        "released.languages_left_out": ["sw_KE"],
        "import.git_commit": "abc",
        "import.finished_at": "2026-01-01",
        "import.sha256": "of pretrain",
    }
    page = found.transformers()
    assert f"| `the authors' weights` | {RELEASED_LICENCE} |" in page
    assert "/home/me" not in page


def test_a_language_added_to_it_was_learned_here(raw: dict[str, Any]) -> None:
    found = card(raw, language="de")
    assert [row.characters for row in found.languages] == [1234]
    assert sections(found) >= {"seed", "corpora", "extend"}
    assert "pretrain" not in sections(found)
    assert found.licences == {
        "the authors' weights": RELEASED_LICENCE,
        "cc100 (text)": "Common Crawl's terms of use",
    }
    assert found.origin["extend.sha256"] == "of extend"


def test_fine_tuning_names_the_licences_of_its_data(raw: dict[str, Any]) -> None:
    found = card(raw, task="nli")
    assert "tasks" in sections(found)
    assert found.licences["multinli (training)"] == "OANC and others"
    assert found.licences["xnli (development)"] == "CC BY-NC 4.0"
    assert "| `xnli (development)` | CC BY-NC 4.0 |" in found.fairseq()
    raw["tasks"]["nli"]["train"]["path"] = "mine/train.jsonl"
    assert not [name for name in card(raw, task="nli").licences if "training" in name]


def test_a_cell_that_was_trained_here(raw: dict[str, Any]) -> None:
    del raw["pretrain"]["from"], raw["pretrain"]["released"]
    found = card(raw)
    assert "authors'" not in found.what
    assert {row.characters for row in found.languages} == {1234}
    assert sections(found) >= {"budget_updates", "seed", "corpora", "pretrain"}
    assert found.licences == {
        "cc100 (text)": "Common Crawl's terms of use",
        "xlmr (vocabulary)": "MIT",
    }
    assert found.origin == {
        "pretrain.git_commit": "abc",
        "pretrain.finished_at": "2026-01-01",
        "pretrain.sha256": "of pretrain",
    }
    assert "## Licences" in found.fairseq()


def test_own_files_have_no_licence_that_is_known(raw: dict[str, Any]) -> None:
    del raw["pretrain"]["from"], raw["pretrain"]["released"]
    raw["corpora"], raw["vocabulary"]["model"] = {"source": "embedded"}, "mine/spm.model"
    found = card(raw)
    assert found.licences == {}
    assert "Licences" not in found.transformers()
