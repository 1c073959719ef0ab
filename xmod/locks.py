"""Who is at work on what, so that two at once cannot harm each other's files.

A lock is a small file that only one process can create (O_EXCL, which holds on NFS, too) and that
says who did: host, process, Slurm job. A run has one, `results/<name>/run.lock`; a job one beside
its log, which its shell writes (`begin` in workflow/begin.sh). A lock whose owner has surely ended
is removed by the next who comes; where that cannot be known, a person is asked.
"""

from __future__ import annotations

import atexit
import contextlib
import getpass
import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Life = Literal["alive", "ended", "unknown"]
GRACE_SECONDS = 60.0
"""A lock without a legible owner is being written for so long at most."""
RUNNING = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT")
"""What Slurm calls a job whose processes may be there."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who holds a lock."""

    host: str
    process: int
    ticks: int
    """When the process began, in the kernel's ticks: a number of a process is used again."""
    user: str
    slurm_job: str
    """Empty outside Slurm."""
    since: str
    """As `2026-11-22T18:31:28Z`."""

    @classmethod
    def here(cls) -> Owner:
        """This process."""
        process = os.getpid()
        return cls(
            host=platform.node(),
            process=process,
            ticks=process_ticks(process) or 0,
            user=getpass.getuser(),
            slurm_job=os.environ.get("SLURM_JOB_ID", ""),
            since=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read what a lock says; None where it is not, or not yet, whole."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    @property
    def words(self) -> str:
        job = f", Slurm job {self.slurm_job}" if self.slurm_job else ""
        return f"{self.user} on {self.host} (process {self.process}{job}) since {self.since}"

    def life(self) -> Life:
        """Whether the owner is still at work."""
        if self.host == platform.node():
            return "alive" if process_ticks(self.process) == self.ticks else "ended"
        if self.slurm_job:
            if self.slurm_job == os.environ.get("SLURM_JOB_ID"):
                return "ended"  # this very job, which was requeued to another node
            return slurm_life(self.slurm_job)
        return "unknown"


class Busy(ValueError):
    """Somebody else holds the lock, or may hold it."""


def take(path: Path) -> Owner:
    """Create the lock for this process; raises Busy where another one holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = Owner.here()
    while True:
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(owner)) + "\n")
            return owner
        except FileExistsError:
            release_ended(path)


def give_back(path: Path, owner: Owner) -> None:
    """Remove the lock, if it is still that of `owner`."""
    with contextlib.suppress(FileNotFoundError):
        if Owner.parse(path.read_text(encoding="utf-8")) == owner:
            path.unlink()


def hold_run(folder: Path) -> None:
    """Hold the results folder until this process ends; raises Busy."""
    path = folder / "run.lock"
    owner = take(path)
    atexit.register(give_back, path, owner)


def release_ended(path: Path) -> None:
    """Remove a lock whose owner has ended; raises Busy where it has not, or may not have.

    Of several who find the same lock, the one that creates its claim removes it: a claim is named
    by what the lock says, and who holds it looks again first, so that no newer lock is removed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return
    owner = Owner.parse(text)
    if owner is None and age < GRACE_SECONDS:
        time.sleep(0.1)
        return
    life = owner.life() if owner else "ended"
    if owner is not None and life != "ended":
        raise Busy(_told(path, owner, life))
    with _claimed(path, text) as is_mine:
        if is_mine and path.read_text(encoding="utf-8") == text:
            path.unlink()


def _told(path: Path, owner: Owner, life: Life) -> str:
    if life == "alive":
        end = f"scancel {owner.slurm_job}" if owner.slurm_job else f"kill {owner.process}"
        return f"{path}: {owner.words} is at work on it; wait for that, or end it ({end})"
    return (
        f"{path}: {owner.words} was at work on it, and whether it still is cannot be seen from "
        f"{platform.node()}; if it has ended, remove that file"
    )


@contextlib.contextmanager
def _claimed(path: Path, text: str) -> Iterator[bool]:
    """Whether this process is the one that may remove the lock of this very text."""
    claim = path.with_name(f".{path.name}.{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    try:
        claim.open("x").close()
    except FileExistsError:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - claim.stat().st_mtime > GRACE_SECONDS:
                raise Busy(f"{claim} was left by a process that was killed; remove it") from None
        time.sleep(0.1)
        yield False
        return
    try:
        with contextlib.suppress(FileNotFoundError):
            yield True
    finally:
        claim.unlink()


def process_ticks(process: int) -> int | None:
    """When a process of this machine began; None where there is none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])


def slurm_life(job: str) -> Life:
    """What Slurm says of a job; `unknown` where it cannot be asked."""
    try:
        done = subprocess.run(
            ["squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if done.returncode:
        return "ended" if "Invalid job id" in done.stderr else "unknown"
    return "alive" if any(state in RUNNING for state in done.stdout.split()) else "ended"


def live_jobs(logs: Path) -> list[Owner]:
    """The owners of jobs' locks below a folder of logs who are at work, or may be."""
    found = []
    for path in sorted(logs.rglob("*.lock")):
        with contextlib.suppress(FileNotFoundError):
            owner = Owner.parse(path.read_text(encoding="utf-8"))
            if owner is not None and owner.life() != "ended":
                found.append(owner)
    return found
