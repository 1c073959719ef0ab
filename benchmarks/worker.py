"""One contender in a process of its own: `python -m benchmarks.worker`, driven over its pipes.

Reads the contender as one line, pickled, in hexadecimal; builds it, takes one step and answers
`ready`. Then for each line with a number of steps it takes them and answers, as JSON, how much
work a second each did, and the most memory that the process has had.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from pathlib import Path

import torch

from benchmarks.shapes import Contender


def peak_megabytes() -> float:
    """Not `ru_maxrss`, in which the process that started this one counts."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the system does not say how much memory a process has had")


def main() -> None:
    contender: Contender = pickle.loads(bytes.fromhex(sys.stdin.readline()))
    torch.set_num_threads(contender.num_threads)
    step = contender.build()
    step()
    print("ready", flush=True)
    for line in sys.stdin:
        rates = []
        for _ in range(int(line)):
            start = time.perf_counter()
            amount = step()
            rates.append(amount / (time.perf_counter() - start))
        print(json.dumps({"rates": rates, "peak_megabytes": peak_megabytes()}), flush=True)


if __name__ == "__main__":
    main()
