"""What the unit tests share: the shipped configurations and language table."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

from xmod.languages import LanguageTable, read_languages

ROOT = Path(__file__).parents[2]

# Speed is never tested: on a busy machine any example may take long.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.fixture(scope="session")
def table() -> LanguageTable:
    return read_languages(ROOT / "config/languages.tsv")


@pytest.fixture(scope="session")
def shipped() -> dict[str, Any]:
    return {
        name: yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
        for name in ("small", "laptop", "paper", "real_sample", "released")
    }


@pytest.fixture
def small(shipped: dict[str, Any]) -> dict[str, Any]:
    """config/small.yaml without its tasks, as a mapping of one's own."""
    return _without_tasks(shipped["small"])


@pytest.fixture
def laptop(shipped: dict[str, Any]) -> dict[str, Any]:
    """config/laptop.yaml, as a mapping of one's own."""
    return copy.deepcopy(shipped["laptop"])


@pytest.fixture
def paper(shipped: dict[str, Any]) -> dict[str, Any]:
    """config/paper.yaml without its tasks, as a mapping of one's own."""
    return _without_tasks(shipped["paper"])


def _without_tasks(raw: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(raw)
    del result["tasks"]
    result["experiments"] = {"main": result["experiments"]["main"]}
    result["figures"] = ["figure_2a", "figure_9", "figure_perplexity_added"]
    result["tables"] = ["table_1", "table_4", "table_9", "table_perplexity"]
    return result
