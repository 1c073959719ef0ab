"""The processes that train one model together: who this one is, and what they tell each other.

`torchrun` and `srun` start them and say who they are in the environment; which of the two is
given, never guessed: under Slurm a process alone has the variables of srun as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor

from xmod.training.liveness import Watch

Launcher = Literal["torchrun", "srun"]
LAUNCHERS: tuple[Launcher, ...] = ("torchrun", "srun")

_TIMEOUT = timedelta(minutes=15)
"""Of a collective: for ranks that live and hang. Dead ones are noticed by `liveness`."""
_PORTS = range(20_000, 32_000)
"""For srun, which gives none: below the ports that systems hand out."""


class LostRank(RuntimeError):
    """A collective failed, most likely because another rank is gone."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A process among those that train together."""

    rank: int
    num_ranks: int
    local_rank: int
    """Among those of its machine: the number of its GPU."""
    address: str
    """The machine of rank 0."""
    meeting: str
    """Where the ranks find each other, as PyTorch has it: `env://`, or an address and port."""

    @classmethod
    def read(cls, launcher: Launcher, environment: Mapping[str, str]) -> Place:
        """What the launcher says in the environment; raises ValueError where it is not there."""
        try:
            return _READERS[launcher](environment)
        except KeyError as error:
            raise ValueError(
                f"--distributed {launcher}: {error.args[0]} is not in the environment; "
                f"start this with {launcher}, or leave --distributed out to train in one process"
            ) from None


def _from_torchrun(environment: Mapping[str, str]) -> Place:
    return Place(
        rank=int(environment["RANK"]),
        num_ranks=int(environment["WORLD_SIZE"]),
        local_rank=int(environment["LOCAL_RANK"]),
        address=environment["MASTER_ADDR"],
        meeting="env://",
    )


def _from_srun(environment: Mapping[str, str]) -> Place:
    job, step = int(environment["SLURM_JOB_ID"]), int(environment["SLURM_STEP_ID"])
    address = first_host(environment["SLURM_STEP_NODELIST"])
    return Place(
        rank=int(environment["SLURM_PROCID"]),
        num_ranks=int(environment["SLURM_STEP_NUM_TASKS"]),
        local_rank=int(environment["SLURM_LOCALID"]),
        address=address,
        meeting=f"tcp://{address}:{_PORTS[(101 * job + step) % len(_PORTS)]}",
    )


_READERS = {"torchrun": _from_torchrun, "srun": _from_srun}


def first_host(nodes: str) -> str:
    """The first machine of a list as Slurm writes it: `node[03-07,12],other` -> `node03`."""
    match = re.match(r"([^,\[]+)(?:\[([^\],-]+)[^\]]*\]([^,]*))?", nodes)
    if match is None:
        raise ValueError(f"{nodes!r} is no list of machines")
    return match[1] + (match[2] or "") + (match[3] or "")


class Ranks:
    """The ranks and their collectives, whose bytes are counted. One rank alone needs no group."""

    def __init__(self, place: Place, device: torch.device) -> None:
        self.rank = place.rank
        self.size = place.num_ranks
        self.device = device
        self.sent_bytes = 0.0
        """By this rank in reductions, as a ring sends them: 2 (n - 1) / n of what is reduced."""

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def group(self, ranks: list[int]) -> Group:
        """Some of the ranks; every rank must ask for every group, in the same order."""
        whole = len(ranks) == self.size
        handle = None if whole or self.size == 1 else dist.new_group(ranks, timeout=_TIMEOUT)
        return Group(self, tuple(ranks), handle)

    def sum(self, values: list[float]) -> list[float]:
        """Each number, summed over the ranks."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        with _collective():
            dist.all_reduce(tensor)
        return tensor.tolist()

    def broadcast_object(self, value: Any) -> Any:
        """What rank 0 has."""
        if self.size == 1:
            return value
        box = [value]
        with _collective():
            dist.broadcast_object_list(box, device=self.device)
        return box[0]

    def gather_objects(self, value: Any) -> list[Any]:
        """What each rank has, for all."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with _collective():
            dist.all_gather_object(found, value)
        return found

    def broadcast(self, tensor: Tensor) -> None:
        """Fill `tensor`, which is on this rank's device, with rank 0's."""
        if self.size > 1:
            with _collective():
                dist.broadcast(tensor, 0)

    def send(self, tensor: Tensor, *, to: int) -> None:
        with _collective():
            dist.send(tensor, to)

    def receive(self, tensor: Tensor, *, source: int) -> None:
        with _collective():
            dist.recv(tensor, source)


@dataclass(frozen=True)
class Group:
    """Some of the ranks, which reduce among themselves."""

    all: Ranks
    ranks: tuple[int, ...]
    handle: dist.ProcessGroup | None

    def start_sum(self, tensor: Tensor) -> dist.Work | None:
        """Begin to sum `tensor` over the group, in place; None where nothing is to be done."""
        size = len(self.ranks)
        if size == 1:
            return None
        self.all.sent_bytes += 2 * (size - 1) / size * tensor.numel() * tensor.element_size()
        with _collective():
            work: dist.Work = dist.all_reduce(tensor, group=self.handle, async_op=True)
        return work


def finish(work: dist.Work | None) -> None:
    """Wait for what `start_sum` began."""
    if work is not None:
        with _collective():
            work.wait()


@contextmanager
def _collective() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostRank(f"the ranks lost each other: {error}") from error


@contextmanager
def joined(place: Place, device: torch.device) -> Iterator[Ranks]:
    """Meet the other ranks (NCCL on GPUs, gloo on CPUs), and watch over each other meanwhile.

    When a rank dies or fails, all end within seconds, and say which one it was.
    """
    ranks = Ranks(place, device)
    os.environ.setdefault("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1")
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=place.meeting,
        rank=place.rank,
        world_size=place.num_ranks,
        timeout=_TIMEOUT,
        device_id=device if device.type == "cuda" else None,
    )
    watch = Watch(place.rank, place.num_ranks, place.address, local_rank=place.local_rank)
    watch.start(ranks.broadcast_object)
    try:
        yield ranks
    except LostRank:
        watch.wait_for_the_cause()
        raise
    except BaseException as error:
        is_of_all = getattr(error, "is_of_all_ranks", False)
        watch.leave(None if is_of_all else f"{type(error).__name__}: {error}")
        if is_of_all and not ranks.is_first:
            raise SystemExit(getattr(error, "exit_code", 1)) from error  # rank 0 says it
        raise
    watch.leave()
    dist.destroy_process_group()
