"""How long a checkpoint stops training, at base size with 13 languages and XLM-R's vocabulary.

Training stops while its state (weights and Adam's moments) is copied to host memory; the copy is
flushed to the disk of temporary files and hashed beside the next steps. A step here is forward,
backward and AdamW of one sequence of 512 tokens in float32; an update of the paper has 2,048 of
them. The worse of two checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

from benchmarks.models import languages_of, our_model
from benchmarks.pretraining import batches
from benchmarks.report import Table, explanation, main
from benchmarks.shapes import TINY
from benchmarks.training_speed import PAPER_VOCABULARY
from xmod.config_training import OptimizerConfig
from xmod.model import Segment
from xmod.training.background import Background
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.optimizer import build_optimizer
from xmod.training.state import host_copies, training_tensors

PAPER_SEQUENCES = 2048
NUM_STEPS = 3


class Saved(NamedTuple):
    """Seconds of one checkpoint."""

    stop: float
    writing: float
    beside: float
    """A step while it was written."""
    num_bytes: int


def run(*, quick: bool) -> list[Table]:
    shape = TINY if quick else PAPER_VOCABULARY
    torch.set_num_threads(shape.num_threads)
    model = our_model(shape)
    optimizer = build_optimizer(model.parameters(), OptimizerConfig())
    tokens, masked, targets = batches(shape)

    def step(language: str) -> float:
        begin = time.perf_counter()
        segments = [Segment(language, shape.num_sequences)]
        torch.autograd.backward(model.nll(tokens, segments, masked, targets).mean())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return (time.perf_counter() - begin) / shape.num_sequences

    first, *others = languages_of(shape)
    for language in others:  # so that every module has its moments
        step(language)
    alone = median(step(first) for _ in range(NUM_STEPS))
    with TemporaryDirectory() as folder:
        checkpoints = CheckpointFolder(Path(folder), "identity")
        saves = [
            _save(number, model, optimizer, checkpoints, lambda: step(first)) for number in (1, 2)
        ]
    stop = max(one.stop for one in saves)
    row = (
        f"{saves[0].num_bytes / 2**30:.2f}",
        f"{stop:.2f}",
        f"{alone:.2f}",
        f"{max(one.writing for one in saves):.1f}",
        f"{max(one.beside for one in saves):.2f}",
        f"{stop / (PAPER_SEQUENCES * alone):.3%}",
    )
    return [
        Table(
            title="How long a checkpoint stops training",
            explanation=explanation(__doc__),
            columns=(
                *("checkpoint, GiB", "training stops, s", "a step of one sequence, s"),
                *("writing, s", "a step beside it, s", "the stop in an update's time"),
            ),
            rows=(row,),
        )
    ]


def _save(
    number: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    checkpoints: CheckpointFolder,
    step: Callable[[], float],
) -> Saved:
    """As `Trainer` saves."""
    begin = time.perf_counter()
    tensors = host_copies(training_tensors(model, optimizer))
    copied = time.perf_counter()
    ends: list[float] = []

    def write() -> None:
        checkpoints.save(number, tensors=tensors, state={})
        ends.append(time.perf_counter())

    beside = []
    with Background("saving a checkpoint") as background:
        background.start(write)
        while not ends:
            background.check()
            beside.append(step())
    num_bytes = sum(one.numel() * one.element_size() for one in tensors.values())
    return Saved(copied - begin, ends[0] - copied, median(beside), num_bytes)


if __name__ == "__main__":
    main(run)
