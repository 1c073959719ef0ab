"""What jobs' shells note beside their logs: when a job began, where, and how it ended.

`begin` in workflow/begin.sh appends to `<log>.tries` when a job begins and when its shell ends; of
a job that was killed with its shell, or whose node was lost, the end is missing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xmod.locks import Life, Owner


@dataclass(frozen=True, kw_only=True)
class Tries:
    """The tries of one job since it last ended well."""

    log: Path
    owner: Owner
    """Of the last try."""
    number: int
    """How many there were, the last one included."""
    code: int | None
    """How the last one ended; None where it did not say."""
    ended: str = ""
    """When, as `2026-11-22T18:31:28Z`."""

    @property
    def lock(self) -> Path:
        return self.log.with_name(self.log.stem + ".lock")

    def is_running(self, ask_slurm: Callable[[str], Life] | None = None) -> bool:
        """Also where that cannot be known: a lock on another machine."""
        return self.code is None and self.lock.exists() and self.owner.life(ask_slurm) != "ended"

    def has_failed(self, ask_slurm: Callable[[str], Life] | None = None) -> bool:
        return self.code != 0 and not self.is_running(ask_slurm)

    @property
    def when(self) -> str:
        """When it was last heard of."""
        return self.ended or self.owner.since


def read_tries(log: Path) -> Tries | None:
    """The tries of the job with this log; None where none is noted."""
    try:
        lines = log.with_name(log.stem + ".tries").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found: Tries | None = None
    for line in lines:
        kind, _, text = line.partition(" ")
        if kind == "began":
            owner = Owner.parse(text)
            if owner is not None:
                before = found.number if found and found.code != 0 else 0
                found = Tries(log=log, owner=owner, number=before + 1, code=None)
        elif found is not None and kind == "ended":
            with contextlib.suppress(ValueError, KeyError, TypeError):  # cut short by a full disk
                end = json.loads(text)
                found = Tries(
                    log=log,
                    owner=found.owner,
                    number=found.number,
                    code=int(end["code"]),
                    ended=str(end["at"]),
                )
    return found


def all_tries(logs: Path) -> Iterator[Tries]:
    """Those of every job below a folder of logs."""
    for path in sorted(logs.rglob("*.tries")):
        tries = read_tries(path.with_suffix(".log"))
        if tries is not None:
            yield tries
