"""A vocabulary, made once, and how far scores are apart, which `pytest -v` lists."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.unit.interop.models import HoldScores, small_vocabulary
from xmod.tokenization.vocabulary import Vocabulary

DIFFERENCES = pytest.StashKey[dict[str, float]]()


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return small_vocabulary(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture
def hold_scores(request: pytest.FixtureRequest) -> HoldScores:
    """Holds found scores against the wanted ones, to 1e-5."""
    listed = request.config.stash.setdefault(DIFFERENCES, {})

    def hold(found: Tensor, wanted: Tensor) -> None:
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
        assert wanted.std() > 0.1, "scores that say something"
        listed[request.node.nodeid.rpartition("/")[2]] = float((found - wanted).abs().max())

    return hold


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    listed = config.stash.get(DIFFERENCES, {})
    if listed and config.get_verbosity() > 0:
        terminalreporter.section("largest difference of any score")
        for name, difference in listed.items():
            terminalreporter.line(f"{difference:8.1e}  {name}")
