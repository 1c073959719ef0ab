"""Architectures of cells, shared by the tests of their figures."""

from __future__ import annotations

from typing import Any

from tests.unit.shapes import model_config
from xmod.architecture import ArchitectureJob, CellArchitecture, Finetuning, StageName
from xmod.config import VARIANTS

STAGES: tuple[StageName, ...] = ("pretrain", "adapt", "extend", "finetune", "transfer")
SHAPE = model_config(dropout=0.0, attention_dropout=0.0)
FREEZES = ("embeddings", "modules", "positions")


def finetuning(**changes: Any) -> Finetuning:
    return Finetuning.model_validate(
        {"tasks": ("nli",), "source": "en", "freezes": FREEZES, **changes}
    )


def architecture(variant: str = "xmod", **changes: Any) -> CellArchitecture:
    """A cell of a built-in variant, pre-trained on three languages, with Finnish added."""
    built_in = VARIANTS[variant]
    values = {
        "cell": f"{variant}.test.three.1500",
        "variant": variant,
        "modules": built_in["modules"],
        "model": SHAPE,
        "languages": ("en", "sw", "ka"),
        "budget_updates": 1500,
        "extension_trains": built_in["extension_trains"],
        "extension_updates": {"fi": 100},
        "finetunings": (finetuning(),),
    }
    return CellArchitecture.model_validate({**values, **changes})


def adapters(cell: CellArchitecture) -> CellArchitecture:
    """The same cell with modules that are trained after four fifths of its updates."""
    updates = cell.budget_updates // 5
    return cell.model_copy(
        update={
            "cell": f"adapters.{cell.cell.partition('.')[2]}",
            "variant": "adapters",
            "adapter_updates": updates,
            "budget_updates": cell.budget_updates - updates,
        }
    )


def job(*cells: CellArchitecture, **changes: Any) -> ArchitectureJob:
    values = {"title": "A layer", "caption": "Of a test.", "stages": STAGES, "cells": cells}
    return ArchitectureJob.model_validate({**values, **changes})
