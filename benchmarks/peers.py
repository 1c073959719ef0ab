"""The torch engine, the fairseq engine, and transformers 4.57 and 5, side by side.

A step of training is forward, backward, clipping where the engine has it, and Adam, at dropout 0.1;
evaluation is the loss alone, without dropout. All see the same batches of one language.
transformers computes its own loss, over the logits of every position, as its users train it. The
start is from the process's start to the end of the first step, and the memory the most that a
process of training has had. A peer that is not installed is left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

import torch

from benchmarks.comparison import EFFORTS, QUICK_EFFORTS, Effort
from benchmarks.fairseq_step import fairseq_loss, fairseq_training
from benchmarks.interleave import Worker
from benchmarks.models import languages_of, our_model, their_model
from benchmarks.pretraining import Pretraining, batches
from benchmarks.report import Table, explanation, main
from benchmarks.shapes import Precision, Shape, Step
from xmod.engines.environment import interpreter, missing_environment
from xmod.model import Segment
from xmod.model.device import keep_freed_memory
from xmod.training.precision import computing

Engine = Literal["torch engine", "fairseq engine", "transformers 4.57", "transformers 5"]
Work = Literal["training", "evaluation"]
TRANSFORMERS_5 = "XMOD_TRANSFORMERS5"
"""Names the folder of an environment with transformers 5, where it is not the default one."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One engine at one work."""

    engine: Engine
    work: Work
    precision: Precision
    shape: Shape

    @property
    def label(self) -> str:
        return f"{self.engine}, {self.work}, {self.shape.name}, {self.precision}"

    @property
    def num_threads(self) -> int:
        return self.shape.num_threads

    def build(self) -> Step:
        is_training = self.work == "training"
        if self.engine == "fairseq engine":
            if is_training:
                return fairseq_training(self.shape, self.precision)
            return self._evaluation(fairseq_loss(self.shape))
        library: Literal["xmod", "transformers"] = (
            "xmod" if self.engine == "torch engine" else "transformers"
        )
        if is_training:
            return Pretraining(library=library, precision=self.precision, shape=self.shape).build()
        loss = _our_loss(self.shape) if library == "xmod" else _their_loss(self.shape)
        return self._evaluation(loss)

    def _evaluation(self, loss: Callable[[int], object]) -> Step:
        """`loss` of the language of that number, without gradients."""
        turn = 0

        def step() -> int:
            nonlocal turn
            with torch.no_grad(), computing(self.precision, device="cpu"):
                loss(turn % self.shape.num_languages)
            turn += 1
            return self.shape.num_sequences * self.shape.length

        return step


@dataclass
class Outcome:
    """What was measured of an engine."""

    rates: dict[Work, list[float]] = field(default_factory=dict)
    start_seconds: list[float] = field(default_factory=list)
    peak_megabytes: float = 0.0


def _our_loss(shape: Shape) -> Callable[[int], object]:
    keep_freed_memory()
    model, languages = our_model(shape).eval(), languages_of(shape)
    tokens, masked, targets = batches(shape)
    return lambda language: model.nll(
        tokens, [Segment(languages[language], shape.num_sequences)], masked, targets
    ).mean()


def _their_loss(shape: Shape) -> Callable[[int], object]:
    model = their_model(shape, "XmodForMaskedLM").eval()
    tokens, masked, targets = batches(shape)
    labels = torch.full_like(tokens.flatten(), -100).index_put((masked,), targets).view_as(tokens)
    return lambda language: (
        model(tokens, lang_ids=torch.full((shape.num_sequences,), language), labels=labels).loss
    )


def installed() -> dict[Engine, str]:
    """The engines that can be measured here, each with the Python that has it."""
    found: dict[Engine, str] = {"torch engine": sys.executable}
    if not missing_environment():
        found["fairseq engine"] = str(interpreter().absolute())
    found["transformers 4.57"] = sys.executable
    fifth = Path(os.environ.get(TRANSFORMERS_5) or ".venv-transformers5") / "bin" / "python"
    if fifth.is_file():
        found["transformers 5"] = str(fifth.absolute())
    return found


def contenders(shape: Shape, work: Work) -> list[Peer]:
    """Both precisions; transformers 5 computes in one only (its bfloat16 fails on a CPU)."""
    return [
        Peer(engine=engine, work=work, precision=precision, shape=shape)
        for precision in ("float32", "bfloat16")
        for engine in installed()
        if (engine, precision) != ("transformers 5", "bfloat16")
    ]


def measure(effort: Effort) -> list[tuple[str, ...]]:
    """A row an engine and precision: all at the same work take turns, as A B C A B C."""
    outcomes: dict[tuple[Engine, Precision], Outcome] = {}
    for work in ("training", "evaluation"):
        peers = contenders(effort.shape, work)
        print(f"measuring {', '.join(one.label for one in peers)}", file=sys.stderr, flush=True)
        with ExitStack() as stack:
            workers = []
            for peer in peers:
                python = installed()[peer.engine]
                workers.append(stack.enter_context(Worker(peer, python=python)))
            for _ in range(effort.num_rounds):
                for peer, worker in zip(peers, workers, strict=True):
                    outcome = outcomes.setdefault((peer.engine, peer.precision), Outcome())
                    measured = worker.measure(effort.num_steps)
                    outcome.rates.setdefault(work, []).extend(measured.rates)
                    if work == "training":
                        outcome.peak_megabytes = measured.peak_megabytes
            for peer, worker in zip(peers, workers, strict=True):
                outcomes[peer.engine, peer.precision].start_seconds.append(worker.start_seconds)
    return _rows(effort.shape, outcomes)


def _rows(shape: Shape, outcomes: dict[tuple[Engine, Precision], Outcome]) -> list[tuple[str, ...]]:
    ours = {
        precision: median(outcomes["torch engine", precision].rates["training"])
        for precision in ("float32", "bfloat16")
    }
    return [
        (
            shape.name,
            precision,
            engine,
            f"{median(one.rates['training']):,.0f}",
            f"{median(one.rates['training']) / ours[precision]:.2f}",
            f"{median(one.rates['evaluation']):,.0f}",
            f"{min(one.start_seconds):.1f}",
            f"{one.peak_megabytes:,.0f}",
        )
        for (engine, precision), one in outcomes.items()
    ]


def run(*, quick: bool) -> list[Table]:
    efforts: Sequence[Effort] = QUICK_EFFORTS if quick else EFFORTS[:2]
    return [
        Table(
            title="Engines and libraries side by side",
            explanation=explanation(__doc__),
            columns=(
                *("size", "precision", "engine", "training, tokens/s", "to the torch engine"),
                *("evaluation, tokens/s", "start, s", "memory, MB"),
            ),
            rows=tuple(row for effort in efforts for row in measure(effort)),
        )
    ]


if __name__ == "__main__":
    main(run)
