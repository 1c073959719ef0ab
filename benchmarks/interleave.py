"""Interleaved measurement: every contender in its own process, taking turns."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from types import TracebackType
from typing import IO, NamedTuple, Self

from benchmarks.shapes import Contender


class Measured(NamedTuple):
    """What a worker answers."""

    rates: list[float]
    """Work a second, of each step."""
    peak_megabytes: float
    """The most memory that the process has had."""


class Worker:
    """A running `benchmarks.worker`, idle but when it is asked for steps."""

    def __init__(self, contender: Contender, *, python: str = sys.executable) -> None:
        """`python` has the contender's library, where this one does not."""
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(pickle.dumps(contender).hex())
        if self._receive() != "ready":
            raise RuntimeError(f"{contender.label} did not start")
        self.start_seconds = time.perf_counter() - started
        """From the start of the process to the end of a first step."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _pipe(self._process.stdin).close()
        self._process.wait()

    def measure(self, num_steps: int) -> Measured:
        self._send(str(num_steps))
        return Measured(**json.loads(self._receive()))

    def _send(self, line: str) -> None:
        pipe = _pipe(self._process.stdin)
        pipe.write(line + "\n")
        pipe.flush()

    def _receive(self) -> str:
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"a worker ended with status {self._process.wait()}")
        return line.strip()


def work_per_second(
    contenders: Sequence[Contender], *, num_rounds: int, num_steps: int
) -> list[float]:
    """The median over all steps of each contender, taken in turns: A B A B."""
    rates: list[list[float]] = [[] for _ in contenders]
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(contender)) for contender in contenders]
        for _ in range(num_rounds):
            for worker, measured in zip(workers, rates, strict=True):
                measured.extend(worker.measure(num_steps).rates)
    return list(map(median, rates))


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
