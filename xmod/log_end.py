"""The end of a job's log, as a person should see it and as its likely cause is read off it."""

from __future__ import annotations

import re
from pathlib import Path

NUM_BYTES, NUM_LINES = 65_536, 8
CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[^\t\n\x20-\U0010ffff]|\x7f")
TRACEBACK = "Traceback (most recent call last)"
LAUNCHERS_WORD = re.compile(r"[IWE]\d{4} \d\d:\S+ \d+ torch/distributed/elastic/")
LAUNCHERS_FILE = re.compile(r'  File ".*/torch/distributed/run\.py", line \d+')
FIRST_KILLED = re.compile(r"Root Cause .*traceback : (Signal \d+[^\n]*)", re.DOTALL)


def read_end(log: Path) -> list[str]:
    """The lines of the last 64 KB, without what a terminal would take as commands; none of no log.

    Of what torchrun says after its processes, some fifty lines of its own traceback and a table of
    who failed, there is only the signal that killed the first of them, if one did.
    """
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - NUM_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    text = CONTROL.sub("", text.replace("\r", "\n"))
    found = [line.rstrip() for line in text.split("\n")]
    lines = [line for line in found if line and not LAUNCHERS_WORD.match(line)]
    for number, line in enumerate(lines):
        if LAUNCHERS_FILE.match(line):
            begin = max((n for n in range(number) if lines[n].startswith(TRACEBACK)), default=0)
            killed = FIRST_KILLED.search("\n".join(lines[number:]))
            return [*lines[:begin], *([killed[1]] if killed else [])]
    return lines


def tail(log: str) -> tuple[str, ...]:
    """The lines of it that are shown."""
    return tuple(read_end(Path(log))[-NUM_LINES:])
