"""SIGKILL for processes of a run, one after another, and the run started again as the pages say."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workflow.checkout import Checkout, assert_equal, end

MAX_DELAY = 8.0
"""Seconds for which a process of the kind to be killed is left at work at most."""
MAX_SECONDS = 300.0
"""In which a process of that kind must come, or after the last kill the grid's end."""
POLL_SECONDS = 0.1
TOLD = re.compile(r"or end them \((.+?)\): |another running Snakemake's: (scancel .*)")
"""The command that ends what a killed run has left, where the next one tells it."""
COMPARED = ("summary/metrics.csv", "pretrain/*/*.safetensors", "extend/*/*/*.safetensors")


def printer(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says a line at once, whatever the test comes to."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(line[:150], flush=True)

    return say


@dataclass(frozen=True)
class Process:
    """One of a run, on this machine."""

    number: int
    kind: str
    """`snakemake`, `nested` (a Snakemake that a Slurm job runs), `shell` or `work`."""
    words: str


def processes(folder: Path, *, run: int) -> list[Process]:
    """Those that work in a checkout; `run` is its Snakemake's."""
    place, found = str(folder.resolve()), []
    for path in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            is_here = str((path / "cwd").readlink()) == place
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        except OSError:
            continue  # it has just ended
        if is_here and words and (kind := _kind(words, is_run=int(path.name) == run)):
            found.append(Process(int(path.name), kind, " ".join(" ".join(words).split())))
    return found


def _kind(words: Sequence[str], *, is_run: bool) -> str:
    """Empty of Slurm's programs, which wait for others."""
    name = Path(words[0]).name
    if name in ("bash", "sh", "tee"):
        return "shell"
    if not name.startswith("python"):
        return ""
    if is_run:
        return "snakemake"
    return "nested" if "snakemake" in words[1:4] else "work"


@dataclass
class Killed:
    """A grid that is run while its processes are killed."""

    checkout: Checkout
    undisturbed: Checkout
    arguments: Sequence[str]
    say: Callable[[str], None]
    cluster: Mapping[str, str] | None = None
    _run: subprocess.Popen[str] | None = None
    _is_locked: bool = False
    """By a Snakemake that was killed."""
    _num_read: int = 0
    """Of the runs' words."""
    _latest: float = 0.0
    """When the grid must be done, or the next process killed."""

    def kill(self, kinds: Sequence[str], *, seed: int) -> None:
        """One process of each of `kinds`, which come in a random order, at random times.

        A grid that is done before is compared, removed and run again.
        """
        rng = random.Random(seed)
        begin = time.monotonic()
        self.say(f"seed {seed}, in {self.checkout.folder}")
        try:
            for number, kind in enumerate(rng.sample(kinds, len(kinds)), start=1):
                victim = self._kill_one(kind, rng)
                at = time.monotonic() - begin
                self.say(f"{number:3} {at:6.1f} s  {kind:9} {victim.number:7}  {victim.words}")
                self._is_locked |= kind == "snakemake"
            self._be_patient()
            while not self._goes_on():
                time.sleep(POLL_SECONDS)
        finally:
            self._end()
        self.say(f"{len(kinds)} kills and the rest: {time.monotonic() - begin:.0f} s")
        for pattern in COMPARED:
            for name, data in self.checkout.files(pattern).items():
                self.say(f"{hashlib.sha256(data).hexdigest()}  {name}")

    def _kill_one(self, kind: str, rng: random.Random) -> Process:
        """Wait for a process of a kind, then a random time; one of those that are there then."""
        self._be_patient()
        at: float | None = None
        while True:
            if self._goes_on():
                shutil.rmtree(self.checkout.root)
            found = [one for one in self._processes() if one.kind == kind]
            if found and at is None:
                at = time.monotonic() + rng.uniform(0, MAX_DELAY)
            if found and at is not None and time.monotonic() >= at:
                victim = rng.choice(found)
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(victim.number, signal.SIGKILL)
                    return victim
            time.sleep(POLL_SECONDS)

    def _goes_on(self) -> bool:
        """Do what a person would who looks at the run; whether it has just ended, and well."""
        assert time.monotonic() < self._latest, f"it does not go on:\n{self.checkout.words[-6000:]}"
        has_ended = self._run is not None and self._run.poll() is not None
        self._do_as_told()
        if self._run is not None and not has_ended:
            return False
        if self._run is not None and self._run.returncode == 0:
            self._run = None
            for pattern in COMPARED:
                assert_equal(self.checkout, self.undisturbed, pattern)
            return True
        if self._is_locked:
            self.checkout.run("--unlock", cluster=self.cluster)
            self._is_locked = False
        self._run = self.checkout.start(*self.arguments, cluster=self.cluster)
        return False

    def _do_as_told(self) -> None:
        """End what a killed run has left, by the command that the next one gives."""
        if self._run is None:
            return
        words = self.checkout.words
        for match in TOLD.finditer(words, self._num_read):
            command = match[1] or match[2]
            self.say(f"    as the next run says: {command}")
            environment = self.checkout.environment(self.cluster)
            subprocess.run(command, shell=True, env=environment, check=False)
            self._num_read = match.end()

    def _processes(self) -> list[Process]:
        return processes(self.checkout.folder, run=self._run.pid if self._run else 0)

    def _be_patient(self) -> None:
        self._latest = time.monotonic() + MAX_SECONDS

    def _end(self) -> None:
        if self._run is not None:
            end(self._run)
        for one in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.number, signal.SIGKILL)
