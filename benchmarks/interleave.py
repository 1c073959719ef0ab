"""Interleaved measurement: every contender in its own process, taking turns."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from types import TracebackType
from typing import IO, Self

from benchmarks.shapes import Contender


class Worker:
    """A running `benchmarks.worker`, idle but when it is asked for steps."""

    def __init__(self, contender: Contender) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(json.dumps(asdict(contender)))
        if self._receive() != "ready":
            raise RuntimeError(f"{contender.label} did not start")

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

    def step_seconds(self, num_steps: int) -> list[float]:
        self._send(str(num_steps))
        seconds: list[float] = json.loads(self._receive())
        return seconds

    def _send(self, line: str) -> None:
        pipe = _pipe(self._process.stdin)
        pipe.write(line + "\n")
        pipe.flush()

    def _receive(self) -> str:
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"a worker ended with status {self._process.wait()}")
        return line.strip()


def tokens_per_second(
    contenders: Sequence[Contender], *, num_rounds: int, num_steps: int
) -> list[float]:
    """The median over all steps of each contender, taken in turns: A B A B."""
    workers = [Worker(contender) for contender in contenders]
    seconds: list[list[float]] = [[] for _ in contenders]
    try:
        for _ in range(num_rounds):
            for worker, measured in zip(workers, seconds, strict=True):
                measured.extend(worker.step_seconds(num_steps))
    finally:
        for worker in workers:
            worker.__exit__(None, None, None)
    return [
        contender.shape.num_sequences * contender.shape.length / median(measured)
        for contender, measured in zip(contenders, seconds, strict=True)
    ]


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
