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


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the paper's grid: perplexity and the scores of every task, five seeds each."""
    grid = synthetic.paper_grid()
    files = [*synthetic.all_scores(grid), *synthetic.all_task_scores(grid)]
    return synthetic.aggregated(tmp_path_factory.mktemp("paper"), grid, files)


@pytest.fixture(scope="session")
def whole_paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of every experiment of config/paper.yaml."""
    grid = synthetic.whole_paper_grid()
    files = [*synthetic.all_scores(grid), *synthetic.all_task_scores(grid)]
    return synthetic.aggregated(tmp_path_factory.mktemp("whole_paper"), grid, files)
