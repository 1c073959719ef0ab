"""Remove a job's lock whose owner has ended: `python -m xmod.release_lock LOCK`.

A job's shell calls this where it could not create its lock, most often because another one left
it. Exit code 1, and a line that says why, where the lock must stay or none can be created.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.locks import give_back, take


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.release_lock", description=__doc__)
    parser.add_argument("lock", type=Path)
    lock: Path = parser.parse_args(arguments).lock
    # As the shell would: what kept it (a full disk, a permission) is said, and not tried for ever.
    give_back(lock, take(lock))


if __name__ == "__main__":
    run(main)
