"""Writes files beside the training, one at a time; a failure is raised where it is waited for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType


class Background:
    """A context manager that ends when what it was given is done, whatever else went wrong."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.wait()
            return
        try:
            self.wait()
        except Exception as second:  # the first error is what ends the job
            print(f"{self._name} failed too: {second}", file=sys.stderr)

    def start(self, work: Callable[[], None]) -> None:
        """Do `work` in a thread, once what was started before is done."""
        self.wait()
        self._thread = threading.Thread(target=self._run, args=(work,), name=self._name)
        self._thread.start()

    def wait(self) -> None:
        """Raise what the work raised, once it is done."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._raise()

    def check(self) -> None:
        """Raise what the work raised, if it has failed already."""
        if self._thread is not None and not self._thread.is_alive():
            self.wait()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # handed over: nobody sees what a thread raises
            self._error = error

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
