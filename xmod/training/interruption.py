"""Asked to stop: finish the update, save, and leave with the signal's exit code."""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""A scheduler's end, a person's Ctrl-C, and the warning ahead of a time limit."""


class Interrupted(RuntimeError):
    """The job was asked to stop and has saved its state."""

    is_of_all_ranks = True
    """Every process that trains the model has it: one that says so is enough."""

    def __init__(self, signal_number: int, update: int) -> None:
        name = signal.Signals(signal_number).name
        super().__init__(f"stopped by {name} after update {update}; run again to go on from there")
        self.exit_code = 128 + signal_number


class StopRequest:
    """Listens for the signals while a job trains; a context manager."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __enter__(self) -> StopRequest:
        self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal_number = number
