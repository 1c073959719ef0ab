"""A made-up run in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.analysis.report.made_up import plan_in
from xmod.analysis.report.plan import Plan


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan of a run of which nothing is there yet."""
    monkeypatch.chdir(tmp_path)
    return plan_in(tmp_path)
