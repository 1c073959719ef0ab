"""Twenty random SIGKILLs during a small grid on two cores: `make test-kills`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workflow.checkout import OFTEN, make_checkout
from tests.workflow.kills import Killed, printer

ASKED = "XMOD_TEST_KILLS"
"""The seed."""
KINDS = (7 * ("snakemake", "shell", "work"))[:20]


@pytest.mark.skipif(ASKED not in os.environ, reason="make test-kills runs it")
def test_a_grid_that_was_killed_at_is_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed, checkout = (make_checkout(tmp_path / name) for name in "ab")
    run = ("--cores", "2", "--quiet", "rules", "host")
    undisturbed.run(*run)
    killed = Killed(checkout, undisturbed, (*run, *OFTEN), printer(capsys))
    killed.kill(KINDS, seed=int(os.environ[ASKED]))
