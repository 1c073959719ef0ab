"""A complete small grid, aggregated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.analysis import synthetic


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with grid.json and metrics.csv of all 14 cells."""
    grid = synthetic.grid()
    folder = tmp_path_factory.mktemp("complete")
    return synthetic.aggregated(folder, grid, synthetic.all_scores(grid))
