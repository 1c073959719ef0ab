"""Remove a job's lock whose owner has ended: `python -m xmod.release_lock LOCK`.

A job's shell calls this when it finds a lock that another one left. Exit code 1, and a line that
says who is at work, where the lock must stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.locks import release_ended


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.release_lock", description=__doc__)
    parser.add_argument("lock", type=Path)
    release_ended(parser.parse_args(arguments).lock)


if __name__ == "__main__":
    run(main)
