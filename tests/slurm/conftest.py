"""What the tests on a real Slurm share; without one, or unasked, they say that they are skipped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, missing_programs
from tests.workflow.checkout import Checkout, make_checkout
from xmod.locks import Busy, take

ASKED = "XMOD_TEST_SLURM"
PREFIX = "xmod-slurm-"
"""Of the folders of clusters."""


def require(*, accounting: bool) -> None:
    """Skip unless `make test-slurm` asks, as root, where Slurm is installed."""
    if not os.environ.get(ASKED):
        pytest.skip("make test-slurm runs it")
    if os.geteuid() != 0:
        pytest.skip("only root can start Slurm's daemons")
    if missing := missing_programs(accounting=accounting):
        pytest.skip(f"not installed: {', '.join(missing)}")


@contextlib.contextmanager
def started(session: pytest.Session, *, accounting: bool) -> Iterator[Cluster]:
    """In a folder that every user may enter, as munge and MariaDB want it; not one of pytest's."""
    require(accounting=accounting)
    remove_left_over()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end the daemons then, too
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o755)
    take(folder / "lock")
    with Cluster(folder / "cluster", accounting=accounting) as cluster:
        yield cluster
    if session.testsfailed:
        print(f"Slurm's logs: {folder}, until the tests are run again")
    else:
        shutil.rmtree(folder)


def remove_left_over() -> None:
    """End what tests that were killed have left at work, and remove their clusters."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            take(folder / "lock")
        except Busy:
            continue  # somebody tests now
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has just ended
                if f"{folder}/cluster/bin:".encode() in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A Slurm without accounting."""
    with started(request.session, accounting=False) as one:
        yield one


@pytest.fixture
def accounting_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A Slurm with accounting."""
    with started(request.session, accounting=True) as one:
        yield one


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The grid, run to its end on this machine without Slurm."""
    require(accounting=False)
    checkout = make_checkout(tmp_path_factory.mktemp("undisturbed") / "checkout")
    checkout.run("--cores", "2", "--quiet", "rules", "host")
    return checkout


@pytest.fixture
def untrained(undisturbed: Checkout, tmp_path: Path) -> Checkout:
    """The same with its data, and with nothing trained yet."""
    checkout = undisturbed.copy(tmp_path / "checkout")
    checkout.forget("pretrain", "extend", "perplexity", "summary", "checkpoints")
    return checkout
