"""Processes of this machine, as the kernel tells of them in /proc."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """What `/proc/PID/stat` says."""

    name: str
    parent: int
    ticks: int
    """When it began: a number of a process is used again."""


def look_up(process: int) -> Process | None:
    """None where there is no such process, or only what its parent has not yet asked of its end."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    if fields[0] == "Z":
        return None
    return Process(name, parent=int(fields[1]), ticks=int(fields[19]))


def running() -> dict[int, Process]:
    """All there are, by number."""
    found = {int(path.name): look_up(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    return {number: one for number, one in found.items() if one is not None}


def commands_of(process: int) -> list[int]:
    """Whom to signal to end it: of a job's shell what it runs, of any other the process itself.

    The shell and the `tee` of its log heed no signal: they stay until the job has saved.
    """
    processes = running()

    def ends(number: int) -> list[int]:
        if processes[number].name != "bash":
            return [number]
        children = (child for child, one in processes.items() if one.parent == number)
        return [end for child in children if processes[child].name != "tee" for end in ends(child)]

    with contextlib.suppress(KeyError):  # it has just ended
        return ends(process)
    return [process]
