"""What finished jobs took, and how far running ones are, from the files that they leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xmod.analysis.report.costs import number
from xmod.analysis.report.facts import lines_of, read_json
from xmod.analysis.report.state import Job
from xmod.paths import Paths


@dataclass(frozen=True, kw_only=True)
class Record:
    """A job, or the part of it that is done."""

    amount: float
    """As `Work.amount`."""
    num_pieces: float
    seconds: float
    """Of one device or core: with N of them, N times the clock's."""
    device: str
    """As manifests name it; empty where nothing says."""


@dataclass(frozen=True)
class Taken:
    """What a finished job took."""

    seconds: float
    """Of one device or core."""
    device: str


def taken(job: Job, *, num_workers: int = 1) -> Taken | None:
    """Of a finished job; None where nothing says, as of quick jobs, which have no benchmark.

    Snakemake notes the time of a job's last attempt, a manifest that of training in all attempts.
    Both are the clock's: a manifest says how many processes trained, each on its device, and
    `num_workers` how many cores a job of text had.
    """
    if not job.benchmark:
        return None
    seconds = sum(number(row.get("s")) for row in lines_of(Path(job.benchmark), delimiter="\t"))
    training, device, num_processes = 0.0, "", num_workers
    for path in job.outputs:
        if path.endswith("manifest.json") and (manifest := read_json(Path(path))):
            training += manifest.get("training_seconds", 0.0)
            device = manifest.get("device", device)
            num_processes = manifest.get("num_processes", num_processes)
    if not seconds and not training:
        return None
    return Taken(max(seconds, training) * num_processes, device)


@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    updates: int
    seconds: float
    """Of one device."""


def progress(paths: Paths, job: Job, *, num_processes: int) -> Progress | None:
    """Of a pre-training that runs or was interrupted; None where it has no checkpoint."""
    folder = Path(paths.checkpoints("pretrain", job.scope))
    histories = sorted(folder.glob("*/history.csv"), key=lambda path: path.stat().st_mtime)
    rows = list(lines_of(histories[-1])) if histories else []
    if not rows:
        return None
    return Progress(int(float(rows[-1]["update"])), sum(_seconds(rows)) * num_processes)


def _seconds(rows: list[dict[str, str]]) -> Iterator[float]:
    """By the clock, of the tokens between each row and the one before it."""
    before = 0.0
    for row in rows:
        tokens, speed = float(row["tokens"]), float(row["tokens_per_second"])
        if speed > 0:
            yield (tokens - before) / speed
        before = tokens
