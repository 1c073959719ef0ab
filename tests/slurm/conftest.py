"""What the tests on a real Slurm share; without one, or unasked, they say that they are skipped."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
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


@contextlib.contextmanager
def started(*, accounting: bool) -> Iterator[Cluster]:
    """In a folder that every user may enter, as munge and MariaDB want it; not one of pytest's."""
    require(accounting=accounting)
    folder = Path(tempfile.mkdtemp(prefix="xmod-slurm-"))
    folder.chmod(0o755)
    with Cluster(folder / "cluster", accounting=accounting) as cluster:
        yield cluster
    shutil.rmtree(folder)  # where something failed its logs stay


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A Slurm without accounting."""
    with started(accounting=False) as one:
        yield one


@pytest.fixture(scope="module")
def accounting_cluster() -> Iterator[Cluster]:
    """A Slurm with accounting."""
    with started(accounting=True) as one:
        yield one


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The grid, run to its end on this machine without Slurm."""
    require(accounting=False)
    checkout = make_checkout(tmp_path_factory.mktemp("undisturbed") / "checkout", updates=2000)
    checkout.run("--cores", "2", "--quiet", "rules", "host")
    return checkout


@pytest.fixture
def untrained(undisturbed: Checkout, tmp_path: Path) -> Checkout:
    """The same with its data, and with nothing trained yet."""
    checkout = undisturbed.copy(tmp_path / "checkout")
    checkout.forget("pretrain", "extend", "perplexity", "summary", "checkpoints")
    return checkout
