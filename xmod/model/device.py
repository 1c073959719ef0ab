"""The device that a process computes on, chosen in one place for training and evaluation."""

from __future__ import annotations

import ctypes
import os

import torch

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""mallopt's parameters, as malloc.h of the GNU C library numbers them."""


def use_device(name: str, *, threads: int, local_rank: int = 0) -> torch.device:
    """Set this process up to compute on the device `name`, with so many processor threads.

    `auto` is a GPU where there is one. Of several processes on a machine each takes the GPU of its
    `local_rank`, or the only one that it is shown. On a GPU PyTorch's deterministic algorithms are
    asked for, so that a result repeats bit by bit there too. Raises ValueError for what is no
    device of this machine, and for more processes than GPUs.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = _device(name)
    if device.type == "cuda":
        # cuBLAS reads this once, when it is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        if device.index is None:
            device = torch.device("cuda", _own_gpu(local_rank, torch.cuda.device_count()))
        torch.cuda.set_device(device)
    keep_freed_memory()
    torch.set_num_threads(threads)
    return device


def _own_gpu(local_rank: int, num_gpus: int) -> int:
    """A launcher may show each process a GPU of its own, which is number 0 to all of them."""
    if 1 < num_gpus <= local_rank:
        raise ValueError(
            f"process {local_rank + 1} of this machine finds {num_gpus} GPUs, and none for itself; "
            "each process needs one: lower distributed.processes (or processes_per_node), or have "
            "the job given more (`gpu` of the stage pretrain, which --resources gpu=N limits)"
        )
    return min(local_rank, num_gpus - 1)


def keep_freed_memory() -> bool:
    """Have this process keep memory that it frees, for its next step; False where it cannot.

    By default the C library gives large blocks back to the system as soon as they are free, and
    each step pays for getting them again, page by page (training of base: 100,000 page faults).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # not the GNU C library
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


def device_name(device: torch.device) -> str:
    """The GPU's name, or `cpu`: what a manifest says of the hardware."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _device(name: str) -> torch.device:
    num_gpus = torch.cuda.device_count()
    legal = ["auto", "cpu"]
    if num_gpus:
        legal += ["cuda", *(f"cuda:{number}" for number in range(num_gpus))]
    if name not in legal:
        raise ValueError(f"device: {name!r} is not on this machine; legal: {', '.join(legal)}")
    return torch.device(name)
