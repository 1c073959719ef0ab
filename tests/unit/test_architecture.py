"""What a cell's resolved configuration says of its architecture."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from xmod import jobs
from xmod.architecture import ArchitectureJob, CellArchitecture, cell_architecture
from xmod.cells import Cell
from xmod.grid import expand
from xmod.languages import LanguageTable

TASKS = ("nli", "ner", "qa")


def found(
    raw: dict[str, Any], table: LanguageTable, cell_id: str, *, added: tuple[str, ...] = ("bg",)
) -> CellArchitecture:
    """The architecture of one cell of a configuration's grid."""
    grid = expand(raw, table, origin="test.yaml")
    cell = Cell.from_id(cell_id)
    return cell_architecture(cell, grid.configs[cell_id], table, added=added, tasks=TASKS)


@pytest.fixture
def raw(shipped: dict[str, Any]) -> dict[str, Any]:
    """config/paper.yaml, with text sizes from the table."""
    return copy.deepcopy(shipped["paper"])


def test_it_is_the_cells_resolved_configuration(raw: dict[str, Any], table: LanguageTable) -> None:
    raw["experiments"]["main"]["axes"] |= {"model.bottleneck": [384, 192]}
    raw["extend"]["budget_updates"] = 6000
    cell = found(raw, table, "xmod.base.30.195k+model.bottleneck=192")
    assert (cell.variant, cell.modules, cell.adapter_updates) == ("xmod", "language", None)
    assert (cell.model.num_layers, cell.model.width, cell.model.bottleneck) == (12, 768, 192)
    assert cell.languages == table.language_set("30")
    assert cell.budget_updates == 195_000
    assert cell.extension_trains == ("embeddings", "positions", "modules")
    assert cell.extension_updates == {"bg": 6000}


def test_tasks_that_are_fine_tuned_alike_are_one(raw: dict[str, Any], table: LanguageTable) -> None:
    (one,) = found(raw, table, "shared.base.13.125k").finetunings
    assert (one.tasks, one.source) == (TASKS, "en")
    assert one.freezes == ("embeddings", "modules", "positions")
    raw["tasks"]["ner"]["finetune"] = {"freezes": ["modules"]}
    raw["tasks"]["qa"]["finetune"] = {"freezes": ["positions", "modules", "embeddings"]}
    first, second = found(raw, table, "shared.base.13.125k").finetunings
    assert (first.tasks, second.tasks) == (("nli", "qa"), ("ner",))
    assert second.freezes == ("modules",)


def test_adapters_share_the_updates_with_their_base(
    raw: dict[str, Any], table: LanguageTable
) -> None:
    cell = found(raw, table, "xmod.base.13.125k", added=("bg", "de"))
    adapters = found(raw, table, "adapters.base.13.125k", added=("bg", "de"))
    assert (adapters.cell, adapters.variant) == ("adapters.base.13.125k", "adapters")
    assert (adapters.budget_updates, adapters.adapter_updates) == (100_000, 25_000)
    same = cell.model_fields_set - {"cell", "variant", "budget_updates", "adapter_updates"}
    for name in same:
        assert getattr(adapters, name) == getattr(cell, name)


def test_a_job_reads_back(raw: dict[str, Any], table: LanguageTable, tmp_path: Path) -> None:
    cell = found(raw, table, "xmod.base.13.125k")
    job = ArchitectureJob(
        title="A layer",
        caption="Of the paper's.",
        stages=("pretrain", "adapt"),
        cells=(found(raw, table, "adapters.base.13.125k"), cell),
    )
    (tmp_path / "job.json").write_text(jobs.text(job), encoding="utf-8")
    assert ArchitectureJob.read(tmp_path / "job.json") == job
