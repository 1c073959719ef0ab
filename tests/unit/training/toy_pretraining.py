"""A toy cell to pre-train through the command, alone or in several gloo processes."""

from __future__ import annotations

import multiprocessing
import os
import resource
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from tests.unit.data.token_streams import small_vocabulary
from tests.unit.training.small_trainer import SIZES, TRAINING, small_shape, write_token_files
from xmod.command import run
from xmod.config_training import PretrainConfig
from xmod.files import write_text_atomic
from xmod.jobs import PretrainJob
from xmod.pretrain import main
from xmod.training.checkpoint import CheckpointFolder

SAVING = ("--checkpoint-seconds", "0")
"""After every update."""
FIRST = "checkpoint=first"
"""The folder of the weights after the first update."""


@dataclass(frozen=True)
class Toy:
    """A folder with a job, a vocabulary and token files of three languages, one of them rare."""

    folder: Path
    job: PretrainJob

    def arguments(self, output: Path, *further: str) -> list[str]:
        return [
            *("--job", str(self.folder / "job.json")),
            *("--vocabulary", str(self.folder / "spm.model")),
            *("--tokens", str(self.folder / "tokens")),
            *("--checkpoints", str(output / "checkpoints"), "--output", str(output)),
            *("--threads", "1", "--device", "cpu", "--micro-batch-sequences", "4"),
            *further,
        ]

    def start(self, output: Path, *further: str, ranks: int | None) -> list[ForkServerProcess]:
        """Processes that train into `output`: one that knows of no ranks, or so many ranks."""
        output.mkdir(parents=True, exist_ok=True)
        call = self.arguments(output, *further)
        if ranks is None:
            return [_started(call, {}, output / "rank0.log")]
        call += ["--distributed", "torchrun"]
        shared = {
            "WORLD_SIZE": str(ranks),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(free_port()),
        }
        return [
            _started(
                call,
                {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                output / f"rank{rank}.log",
            )
            for rank in range(ranks)
        ]

    def train(self, output: Path, *further: str, ranks: int | None) -> Path:
        """Train to the end; raises AssertionError with what the ranks said where one fails."""
        codes = finish(self.start(output, *further, ranks=ranks))
        assert codes == [0] * len(codes), said(output)
        return output


def make_toy(folder: Path, *, dropout: float, budget_updates: int) -> Toy:
    write_token_files(folder / "tokens")
    small_vocabulary().save(folder / "spm.model")
    job = PretrainJob(
        cell="xmod.toy.three.24",
        variant="xmod",
        modules="language",
        languages=tuple(SIZES),
        sizes=SIZES,
        budget_updates=budget_updates,
        seed=1,
        model=small_shape(dropout),
        pretrain=PretrainConfig(**TRAINING, sampling_alpha=1.0),
        checkpoints={FIRST: 1},
    )
    write_text_atomic(folder / "job.json", job.model_dump_json())
    return Toy(folder, job)


def weights(output: Path, *, first: bool = False) -> dict[str, Tensor]:
    """The trained model, or what it was after the first update."""
    return load_file((output / FIRST if first else output) / "model.safetensors")


def largest_difference(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    assert ours.keys() == theirs.keys()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


def _started(call: list[str], environment: dict[str, str], log: Path) -> ForkServerProcess:
    # From a server that has imported PyTorch: to import it takes longer than to train.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["xmod.pretrain"])
    process = context.Process(target=_pretrain, args=(call, environment, str(log)), daemon=True)
    process.start()
    return process


def _pretrain(call: list[str], environment: dict[str, str], log: str) -> None:
    """The command, as the process of its own that it is."""
    with Path(log).open("w", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    os.environ.update(environment)
    if "--file-bytes" in call:  # as where the disk is full
        at = call.index("--file-bytes")
        limit = int(call[at + 1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        del call[at : at + 2]
    if "--slow-disk" in call:
        call.remove("--slow-disk")
        save = CheckpointFolder.save

        def save_slowly(*given: Any, **named: Any) -> Path:
            time.sleep(1.0)
            return save(*given, **named)

        CheckpointFolder.save = save_slowly  # type: ignore[method-assign]
    if "--fail" in call:  # as where a machine has lost its file system
        call.remove("--fail")
        if environment["RANK"] == "1":
            call[call.index("--tokens") + 1] += "-of-another-machine"
    sys.argv = ["pretrain", *call]
    run(main)


def finish(processes: Sequence[ForkServerProcess], *, seconds: float = 240.0) -> list[int | None]:
    """The exit codes, in the ranks' order; None for one that does not end in time."""
    end = time.monotonic() + seconds
    for process in processes:
        process.join(max(0.0, end - time.monotonic()))
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    return codes


def said(output: Path) -> str:
    """What all ranks wrote to their terminals."""
    return "\n".join(log.read_text(encoding="utf-8") for log in sorted(output.glob("rank*.log")))


def saved_updates(output: Path) -> list[int]:
    """The updates whose checkpoints are whole."""
    return [int(path.stem[7:]) for path in sorted(output.glob("checkpoints/*/update-*.json"))]


def stop(
    processes: Sequence[ForkServerProcess],
    output: Path,
    *,
    after: int,
    number: int,
    rank: int = 0,
    delay: float = 0.0,
) -> None:
    """Send a signal to one rank, `delay` seconds after `after` updates are saved."""
    end = time.monotonic() + 120.0
    while max(saved_updates(output), default=0) < after:
        assert time.monotonic() < end, said(output)
        assert processes[rank].is_alive(), said(output)
        time.sleep(0.002)
    time.sleep(delay)
    pid = processes[rank].pid
    assert pid is not None
    os.kill(pid, number)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
