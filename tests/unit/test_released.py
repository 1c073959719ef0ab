"""Cells of released checkpoints in the plan: what is asked of them, and what cannot be one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_jobs import loaded
from xmod import jobs
from xmod.config import parse
from xmod.config_errors import ConfigError
from xmod.grid import expand
from xmod.languages import LanguageTable
from xmod.paths import released_files

ROOT = Path(__file__).parents[2]
RELEASED = ("13.125k", "30.125k", "30.195k", "60.125k", "60.265k", "75.125k", "75.269k")


@pytest.fixture
def released() -> dict[str, Any]:
    """config/released.yaml, where no text is."""
    text = (ROOT / "config/released.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    return raw


def test_the_shipped_configuration_asks_for_what_was_released(released: dict[str, Any]) -> None:
    dag = loaded(released)
    cells = [f"xmod.base.{one}" for one in RELEASED]
    assert sorted(dag.models.released) == cells
    assert [dag.models.released_path(cell) for cell in cells] == [f"data/xmod/{c}" for c in cells]
    assert dag.models.pretrainings == []
    assert dag.models.histories() == []
    assert len(dag.corpus_languages) == 20


def test_it_is_the_paper_s_otherwise(released: dict[str, Any], shipped: dict[str, Any]) -> None:
    paper = copy.deepcopy(shipped["paper"])
    for key in ("name", "experiments", "figures", "budgets"):
        del paper[key], released[key]
    del released["pretrain"]["from"], released["pretrain"]["released"]
    del released["perplexity"]["language_set"]
    assert released == paper


def test_a_job_names_checkpoint_and_codes(released: dict[str, Any]) -> None:
    told = json.loads(loaded(released).job_text("pretrain", "xmod.base.13.125k", "job"))
    assert told["path"] == "data/xmod/xmod.base.13.125k"
    assert told["languages"]["sw"] == "sw_KE"
    assert list(told["languages"])[:2] == ["en", "ar"]
    assert told["model"]["bottleneck"] == 384
    assert jobs.ReleasedJob.model_validate(told).model.num_heads == 12


def test_where_they_are_is_no_business_of_trained_cells(small: dict[str, Any]) -> None:
    before = loaded(small)
    small["pretrain"]["released"] = "elsewhere/{cell}"
    after = loaded(small)
    for cell in before.stage_ids("pretrain"):
        text = before.job_text("pretrain", cell, "job")
        assert after.job_text("pretrain", cell, "job") == text
        assert '"from"' not in text


def test_as_an_axis_it_stands_in_the_id(small: dict[str, Any]) -> None:
    axes = {"variant": ["xmod"], "language_set": [13], "pretrain.from": ["scratch", "released"]}
    small["experiments"]["main"]["axes"] = axes
    dag = loaded(small)
    first, second = dag.stage_ids("pretrain")
    assert second == f"{first}+pretrain.from=released"
    assert list(dag.models.released) == [second]
    assert dag.models.released_path(second) == f"data/xmod/{first}", "as it was released"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variant": "shared"}, "pretrain.from: 'released', but of variant 'shared'"),
        ({"variant": "adapters"}, "pretrain.from: 'released', but of variant 'adapters'"),
        ({"checkpoint": 0.5}, "checkpoint: 0.5, but of a released cell"),
    ],
)
def test_what_cannot_be_released(
    changes: dict[str, Any], message: str, small: dict[str, Any], table: LanguageTable
) -> None:
    small["pretrain"]["from"] = "released"
    cell = {"variant": "xmod", "language_set": 13, "budget": 1000, **changes}
    small["experiments"] = {"main": {"cells": [cell]}}
    with pytest.raises(ConfigError, match=message):
        expand(small, table, origin="test.yaml")


def test_a_wrong_word_is_said(small: dict[str, Any]) -> None:
    small["pretrain"]["from"] = "relaesed"
    with pytest.raises(ConfigError, match=r"pretrain.from: 'relaesed' .* legal: 'scratch' or 'rel"):
        parse(small, origin="test.yaml")
    small["pretrain"] = {"from_": "released"}
    with pytest.raises(ConfigError, match=r"unknown key pretrain.from_; .*'from'"):
        parse(small, origin="test.yaml")


def test_files_of_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "xmod.base.13.125k"
    assert released_files(str(path)) == []
    archive = Path(f"{path}.tar.gz")
    archive.touch()
    assert released_files(str(path)) == [str(archive)]
    assert released_files(str(archive)) == [str(archive)]
    path.mkdir()
    for name in ("model.pt", "dict.txt", "notes.txt"):
        (path / name).touch()
    assert released_files(str(path)) == [str(path / "model.pt"), str(path / "dict.txt")]
    (path / "model-00001-of-00001.safetensors").touch()
    assert len(released_files(str(path))) == 3
