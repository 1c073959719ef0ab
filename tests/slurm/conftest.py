"""What the tests on a real Slurm share; without one, or unasked, they say that they are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.checkout import Checkout, make_checkout
from tests.slurm.cluster import Cluster, missing_programs

ASKED = "XMOD_TEST_SLURM"


def require(*, accounting: bool) -> None:
    """Skip unless `make test-slurm` asks, as root, where Slurm is installed."""
    if not os.environ.get(ASKED):
        pytest.skip("make test-slurm runs it")
    if os.geteuid() != 0:
        pytest.skip("only root can start Slurm's daemons")
    if missing := missing_programs(accounting=accounting):
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Slurm without accounting."""
    require(accounting=False)
    with Cluster(tmp_path_factory.mktemp("slurm") / "cluster") as started:
        yield started


@pytest.fixture(scope="module")
def accounting_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Slurm with accounting."""
    require(accounting=True)
    folder = tmp_path_factory.mktemp("slurm") / "accounting"
    folder.parent.chmod(0o755)  # MariaDB is no root
    folder.parent.parent.chmod(0o755)
    with Cluster(folder, accounting=True) as started:
        yield started


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The grid, run to its end on this machine without Slurm."""
    require(accounting=False)
    checkout = make_checkout(tmp_path_factory.mktemp("undisturbed") / "checkout", updates=3000)
    checkout.run("--cores", "2", "--quiet", "rules", "host")
    return checkout


@pytest.fixture
def untrained(undisturbed: Checkout, tmp_path: Path) -> Checkout:
    """The same with its data, and with nothing trained yet."""
    checkout = undisturbed.copy(tmp_path / "checkout")
    checkout.forget("pretrain", "extend", "perplexity", "summary", "checkpoints")
    return checkout
