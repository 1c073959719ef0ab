"""`snakemake --profile slurm` on a real Slurm: whole, disturbed in every way, and killed.

Whatever happens on the way, the results are byte for byte those of a run that nothing disturbed.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.configuration import NODES
from tests.workflow.checkout import (
    CELLS,
    OFTEN,
    QUICK,
    SLOW,
    Checkout,
    assert_equal,
    end,
    make_checkout,
)
from tests.workflow.kills import Killed, printer
from xmod.tries import Tries, all_tries

MODELS = "pretrain/*/model.safetensors"
TARGETS = [f"results/tiny/pretrain/{cell}/model.safetensors" for cell in CELLS]


@contextlib.contextmanager
def started(
    checkout: Checkout, cluster: Cluster, *resources: str
) -> Iterator[subprocess.Popen[str]]:
    """Pre-train both cells on the cluster."""
    settings = (*SLOW, *resources)
    process = checkout.start(
        *TARGETS, "--profile", "slurm", *QUICK, *settings, cluster=cluster.environment
    )
    try:
        yield process
    finally:
        end(process)


def pretrainings(checkout: Checkout) -> list[Tries]:
    """What is noted of the two jobs so far."""
    return list(all_tries(checkout.root / "logs/pretrain"))


def training(checkout: Checkout, *, beyond: int = 0, cells: int = 2) -> bool:
    """Whether so many cells have a checkpoint beyond an update and run."""
    found = set()
    for path in checkout.root.glob("checkpoints/pretrain/*/*/update-*.json"):
        if int(path.stem.partition("-")[2]) > beyond:
            found.add(path.parts[-3])
    return len(found) >= cells and all(one.is_running() for one in pretrainings(checkout))


def until(
    condition: Callable[[], bool], process: subprocess.Popen[str], checkout: Checkout
) -> None:
    """Wait for something that must happen while Snakemake runs."""
    end = time.monotonic() + 200
    while not condition():
        assert process.poll() is None, f"Snakemake has ended:\n{checkout.words[-6000:]}"
        assert time.monotonic() < end, f"it did not happen:\n{checkout.words[-6000:]}"
        time.sleep(0.1)


def preempt(cluster: Cluster) -> None:
    """Have more urgent jobs take both nodes for a second."""
    taking = ("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null")
    for node in NODES:
        cluster.run(*taking, f"--nodelist={node}", "--wrap=sleep 1")


def are_at_try(number: int, checkout: Checkout, cluster: Cluster, *, cells: int = 2) -> bool:
    """Whether so many cells are being tried for the so-manieth time.

    Slurm leaves a requeued job alone for two minutes; here it does not.
    """
    for line in cluster.run("squeue", "-h", "--states=PENDING", "-o", "%i %r").splitlines():
        job, _, reason = line.partition(" ")
        if reason == "BeginTime":
            cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now")
    return sum(one.number >= number for one in pretrainings(checkout)) >= cells


def notes(checkout: Checkout) -> str:
    """All that the two jobs' shells noted."""
    paths = checkout.root.glob("logs/pretrain/*.tries")
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def test_the_literal_command_runs_the_grid(
    undisturbed: Checkout, accounting_cluster: Cluster, tmp_path: Path
) -> None:
    """From nothing, with accounting: several jobs at once, each training on a GPU."""
    checkout = make_checkout(tmp_path / "checkout")
    checkout.run("--profile", "slurm", *QUICK, cluster=accounting_cluster.environment)
    assert_equal(checkout, undisturbed, "summary/metrics.csv")
    assert_equal(checkout, undisturbed, "*/*/**/*.safetensors")
    form = "--format=JobIDRaw,State,ReqTRES%80,Start,End"
    rows = accounting_cluster.run("sacct", "-X", "-n", "-P", form).splitlines()
    done = [row.split("|") for row in rows if "|COMPLETED|" in row]
    with_gpus = [row for row in done if "gres/gpu=1" in row[2]]
    assert len(with_gpus) == 6, "two pre-trainings, two extensions, two measurements"
    starts = sorted((row[3], row[4]) for row in with_gpus)
    assert starts[1][0] < starts[0][1], "the two pre-trainings ran at once"
    assert not list(checkout.root.rglob("*.lock"))


def test_preempted_then_a_node_is_lost(
    undisturbed: Checkout, untrained: Checkout, cluster: Cluster
) -> None:
    """Both times Slurm starts the same jobs again, and they go on from their checkpoints."""
    with started(untrained, cluster, "pretrain:slurm_partition=scavenge") as process:
        until(lambda: training(untrained), process, untrained)
        jobs = {one.owner.slurm_job for one in pretrainings(untrained)}
        status = untrained.status(cluster.environment)
        at_work = {(one["stage"], one["slurm_job"]) for one in status["at_work"]}
        assert at_work == {("pretrain", job) for job in jobs}
        preempt(cluster)
        until(lambda: are_at_try(2, untrained, cluster), process, untrained)
        until(lambda: training(untrained), process, untrained)
        node = cluster.run("squeue", "-h", "--states=RUNNING", "-o", "%N").split()[0]
        cluster.lose_node(node)
        try:
            until(lambda: are_at_try(3, untrained, cluster, cells=1), process, untrained)
            assert process.wait(timeout=400) == 0, untrained.words[-6000:]
        finally:
            cluster.start_node(node)
    assert {one.owner.slurm_job for one in pretrainings(untrained)} == jobs
    assert_equal(untrained, undisturbed, MODELS)


def test_out_of_time_then_preempted_with_grace(
    undisturbed: Checkout, untrained: Checkout, cluster: Cluster
) -> None:
    """Warned of its limit or of its preemption, training saves; another attempt has more time."""
    limits = ("runtime=attempt", "slurm_partition=grace", "slurm_extra='--signal=USR1@45'")
    with started(untrained, cluster, *(f"pretrain:{limit}" for limit in limits)) as process:
        until(lambda: are_at_try(2, untrained, cluster), process, untrained)
        until(lambda: training(untrained), process, untrained)
        preempt(cluster)
        assert process.wait(timeout=400) == 0, untrained.words[-6000:]
    assert_equal(untrained, undisturbed, MODELS)
    assert [f"runtime={number}," in untrained.words for number in (1, 2, 3)] == [True] * 3
    assert f'"code": {128 + signal.SIGUSR1}' in notes(untrained)
    assert f'"code": {128 + signal.SIGTERM}' in notes(untrained)


def test_twenty_kills(
    undisturbed: Checkout, untrained: Checkout, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of Snakemake itself: its jobs go on, and the next run says how to end them."""
    run = ("--profile", "slurm", *QUICK, *OFTEN)
    killed = Killed(untrained, undisturbed, run, printer(capsys), cluster.environment)
    killed.kill(5 * ("snakemake", "nested", "shell", "work"), seed=1)
