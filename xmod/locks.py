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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from xmod.processes import commands_of, look_up

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
        told = look_up(process)
        return cls(
            host=platform.node(),
            process=process,
            ticks=told.ticks if told else 0,
            user=_user(),
            slurm_job=os.environ.get("SLURM_JOB_ID", ""),
            since=now(),
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

    def life(self, ask_slurm: Callable[[str], Life] | None = None) -> Life:
        """Whether the owner is still at work; `ask_slurm` tells it of a Slurm job."""
        if self.host == platform.node():
            process = look_up(self.process)
            return "alive" if process and process.ticks == self.ticks else "ended"
        if self.slurm_job:
            if self.slurm_job == os.environ.get("SLURM_JOB_ID"):
                return "ended"  # this very job, which was requeued to another node
            return (ask_slurm or slurm_life)(self.slurm_job)
        return "unknown"


def _user() -> str:
    """The name, or in a container that has none, the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


class Busy(ValueError):
    """Somebody else holds the lock, or may hold it."""


def take(path: Path) -> Owner:
    """Create the lock for this process; raises Busy where another one holds it, and OSError where
    none can be created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = Owner.here()
    while True:
        try:
            stream = path.open("x", encoding="utf-8")
        except FileExistsError:
            release_ended(path)
            continue
        try:
            with stream:
                stream.write(json.dumps(asdict(owner)) + "\n")
        except OSError:  # a full disk
            path.unlink()
            raise
        return owner


def give_back(path: Path, owner: Owner) -> None:
    """Remove the lock, if it is still that of `owner`."""
    with contextlib.suppress(FileNotFoundError):
        if Owner.parse(path.read_text(encoding="utf-8")) == owner:
            path.unlink()


def begin_run(folder: Path) -> str:
    """Hold a run's results folder until this process ends.

    Raises Busy where another run holds it, or where jobs of one that was killed are still at work.
    Returns a warning where some may still wait in Slurm's queue, else nothing.
    """
    path = folder / "run.lock"
    owner = take(path)
    atexit.register(give_back, path, owner)
    if told := _told_of_jobs(live_jobs(folder / "logs")):
        raise Busy(f"{folder}: {told}")
    waiting = waiting_in_slurm(Path.cwd())
    if not waiting:
        return ""
    return (
        f"{len(waiting)} jobs that Snakemake submitted from this folder already wait in Slurm; "
        f"unless they are another running Snakemake's: scancel {' '.join(waiting)}"
    )


def now() -> str:
    """As `2026-11-22T18:31:28Z`: texts that compare as the moments do."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


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
        end = _how_to_end([owner])
        return f"{path}: {owner.words} is at work on it; wait for that, or end it ({end})"
    return (
        f"{path}: {owner.words} was at work on it, and whether it still is cannot be seen from "
        f"{platform.node()}; if it has ended, remove that file"
    )


def _told_of_jobs(jobs: Mapping[Path, tuple[Owner, Life]]) -> str:
    """Of those that a killed run has left at work, or perhaps; empty of none."""
    told = [_told(path, *job) for path, job in jobs.items() if job[1] == "unknown"]
    if alive := [owner for owner, life in jobs.values() if life == "alive"]:
        told.insert(
            0,
            "jobs of a run that was killed are still at work; wait for them, or end them "
            f"({_how_to_end(alive)}): training saves, and the next run goes on from there",
        )
    return "\n".join(told)


def _how_to_end(owners: Sequence[Owner]) -> str:
    """What ends those who are at work."""
    jobs = [one.slurm_job for one in owners if one.slurm_job]
    here = [str(pid) for one in owners if not one.slurm_job for pid in commands_of(one.process)]
    commands = (("scancel", jobs), ("kill", here))
    return "; ".join(" ".join((command, *who)) for command, who in commands if who)


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


def slurm_life(job: str) -> Life:
    """What Slurm says of a job; `unknown` where it cannot be asked."""
    return slurm_lives([job])[job]


def slurm_lives(jobs: Iterable[str]) -> dict[str, Life]:
    """The same of many jobs, asked at once."""
    asked = sorted(set(jobs))
    if not asked:
        return {}
    states = _squeue("--states=all", f"--jobs={','.join(asked)}", "--format=%A|%T")
    if states is None:
        return dict.fromkeys(asked, "unknown")
    alive = {job for job, _, state in (line.partition("|") for line in states) if state in RUNNING}
    return {job: "alive" if job in alive else "ended" for job in asked}


def _squeue(*arguments: str) -> list[str] | None:
    """The lines of an answer; None where Slurm is not there, or does not answer."""
    command = ["squeue", "--noheader", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Of a single job that it does not know any more squeue says so in this way.
    if done.returncode and "Invalid job id" not in done.stderr:
        return None
    return done.stdout.splitlines()


def owners_of(logs: Path) -> dict[Path, Owner]:
    """The owners of jobs' locks below a folder of logs, by lock."""
    found = {}
    for path in sorted(logs.rglob("*.lock")):
        with contextlib.suppress(FileNotFoundError):
            if owner := Owner.parse(path.read_text(encoding="utf-8")):
                found[path] = owner
    return found


def live_jobs(logs: Path) -> dict[Path, tuple[Owner, Life]]:
    """Those of them who are at work, or may be."""
    owners = owners_of(logs)
    lives = slurm_lives(one.slurm_job for one in owners.values() if one.slurm_job)
    found = {path: (one, one.life(lives.__getitem__)) for path, one in owners.items()}
    return {path: job for path, job in found.items() if job[1] != "ended"}


def waiting_in_slurm(folder: Path) -> list[str]:
    """Jobs in the queue that a Snakemake submitted from `folder`; none where there is no Slurm."""
    # id, working folder, comment: the plugin's begins with the rule
    lines = _squeue("--me", "--states=PENDING", "--format=%i|%Z|%k") or []
    rows = (line.split("|", 2) for line in lines)
    return [
        row[0] for row in rows if len(row) == 3 and row[1] == str(folder) and "rule_" in row[2][:5]
    ]
