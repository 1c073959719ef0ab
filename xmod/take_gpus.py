"""Run a command on GPUs that no other job has: `python -m xmod.take_gpus --number 2 COMMAND ...`.

Under Slurm a job sees its own GPUs only. On one machine all jobs see all of them, and would all
take the first. Here each GPU has a lock file that the kernel frees when the last process that
holds it ends, however it ends; so Snakemake's own count (`--resources gpu=4`) may be wrong, or two
runs may share a machine, and no two jobs meet on a GPU. Waits until enough are free.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from xmod.command import run

POLL_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.take_gpus", description=__doc__)
    parser.add_argument("--number", type=int, required=True, help="of GPUs")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run on them")
    options = parser.parse_args(arguments)
    gpus = visible_gpus(os.environ, devices=Path("/dev"))
    taken = take(options.number, gpus, folder=lock_folder(os.environ))
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # a number means one GPU to every job
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
    print(f"GPUs {','.join(taken)} of {','.join(gpus)}", file=sys.stderr, flush=True)
    os.execvp(options.command[0], options.command)


def visible_gpus(environment: Mapping[str, str], *, devices: Path) -> list[str]:
    """The GPUs of this machine that may be used: those of CUDA_VISIBLE_DEVICES, or all."""
    given = environment.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [one.strip() for one in given.split(",") if one.strip()]
    found = [path for path in devices.glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)]
    return [str(number) for number in range(len(found))]


def lock_folder(environment: Mapping[str, str]) -> Path:
    """One for all users of the machine; within a Slurm allocation its own.

    Slurm counts each allocation's GPUs from 0: the same number is another GPU to another one.
    """
    job = environment.get("SLURM_JOB_ID")
    folder = Path(tempfile.gettempdir()) / (f"xmod-gpus-{job}" if job else "xmod-gpus")
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(PermissionError):  # another user's, who did so
        folder.chmod(0o1777)
    return folder


def take(number: int, gpus: Sequence[str], *, folder: Path) -> list[str]:
    """Hold `number` of `gpus` until this process, and what it becomes, ends; waits for them.

    All or none: who held one while waiting for another could wait for ever. Raises ValueError
    where there are not so many.
    """
    if number > len(gpus):
        raise ValueError(
            f"gpu: {number} are asked for, and this machine has {len(gpus)} "
            f"({', '.join(gpus) or 'none'}); legal: up to that many, or 0 for the processor"
        )
    has_waited = False
    while True:
        taken: dict[str, int] = {}
        for gpu in gpus:
            descriptor = _try(folder / f"gpu-{gpu}.lock")
            if descriptor is not None:
                taken[gpu] = descriptor
            if len(taken) == number:
                for held in taken.values():
                    os.set_inheritable(held, True)
                return list(taken)
        for held in taken.values():
            os.close(held)
        if not has_waited:
            print(f"waiting for {number} of the GPUs {','.join(gpus)}", file=sys.stderr, flush=True)
        has_waited = True
        time.sleep(POLL_SECONDS)


def _try(path: Path) -> int | None:
    """The lock's descriptor; None where another process holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


if __name__ == "__main__":
    run(main)
