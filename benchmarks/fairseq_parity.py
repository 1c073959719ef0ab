"""`python -m benchmarks.fairseq_parity [--json FILE]`: how far the two engines are apart.

Runs in fairseq's environment (docs/fairseq.md). A small model of each variant, with random weights
and dropout 0, goes through both engines' own code with the same batches: the logits of padded
sequences of several languages, the gradients of an update, and the losses of 100 updates.

Shapes: B sequences, L length, M tokens that are read, V vocabulary.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.report import Table, show
from xmod.config import ModelConfig
from xmod.config_section import ModuleKind
from xmod.config_training import PretrainConfig
from xmod.data.batches import Batch
from xmod.engines.fairseq_start import import_fairseq
from xmod.model import MaskedLanguageModel, Segment, initialise
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.loop import Execution, Trainer
from xmod.training.objective import MaskedLanguageModelling

NUM_UPDATES = 100
VARIANTS: dict[str, ModuleKind] = {"xmod": "language", "shared": "shared", "shared_nm": "none"}
LANGUAGES = ("en", "to", "ru", "sw")
"""`to` (Tongan) is a method of PyTorch's modules as well."""
MODEL = ModelConfig(
    size="parity",
    num_layers=3,
    width=48,
    num_heads=4,
    feed_forward=96,
    bottleneck=24,
    max_positions=32,
    dropout=0.0,
    attention_dropout=0.0,
)
VOCABULARY_SIZE = 300
CONFIG = PretrainConfig(
    sequence_length=24, batch_sequences=12, sequences_per_draw=4, precision="float32"
)
EXECUTION = Execution(
    device=torch.device("cpu"), num_threads=1, micro_batch_sequences=5, checkpoint_seconds=1e9
)


class RandomUpdates:
    """Micro-batches of 5, 5 and 2 sequences; an update has three of the four languages."""

    next_update = 0

    def update(self, number: int) -> list[Batch]:
        rng = np.random.default_rng(number)
        languages = rng.permutation(LANGUAGES)[:3].tolist()
        runs = (
            ((languages[0], 4), (languages[1], 1)),
            ((languages[1], 3), (languages[2], 2)),
            ((languages[2], 2),),
        )
        return [self._batch(rng, run) for run in runs]

    @contextmanager
    def prefetched(self, *, stop: int) -> Iterator[Iterator[list[Batch]]]:
        yield map(self.update, range(self.next_update, stop))

    def _batch(self, rng: np.random.Generator, run: tuple[tuple[str, int], ...]) -> Batch:
        shape = sum(number for _, number in run), CONFIG.sequence_length
        # A few frequent tokens, so that there is something to learn.
        tokens = 4 + rng.geometric(0.05, size=shape) % (VOCABULARY_SIZE - 5)
        masked = np.sort(rng.permutation(tokens.size)[: tokens.size // 7])
        targets = tokens.flatten()[masked]
        tokens.reshape(-1)[masked] = VOCABULARY_SIZE - 1
        return Batch(tokens=tokens, segments=run, masked=masked, targets=targets)


def new_model(kind: ModuleKind) -> MaskedLanguageModel:
    model = MaskedLanguageModel(
        MODEL, module_kind=kind, languages=LANGUAGES, vocabulary_size=VOCABULARY_SIZE
    )
    initialise(model, MODEL, torch.Generator().manual_seed(1))
    return model


def engines(kind: ModuleKind, folder: Path) -> tuple[Trainer[Batch], Any]:
    """The two engines' trainings of one model, that begin with the same weights."""
    from xmod.engines.fairseq_training import FairseqTraining

    model = new_model(kind)
    ours, theirs = deepcopy(model), deepcopy(model)
    common: dict[str, Any] = {
        "label": "parity",
        "config": CONFIG,
        "peak_learning_rate": CONFIG.peak_learning_rate,
        "budget_updates": NUM_UPDATES,
        "seed": 1,
        "execution": EXECUTION,
    }
    return (
        Trainer(
            model=ours,
            encoder=ours.encoder,
            objective=MaskedLanguageModelling(ours),
            updates=RandomUpdates(),
            checkpoints=CheckpointFolder(folder / "torch", "a"),
            history_path=folder / "torch.csv",
            **common,
        ),
        FairseqTraining(
            model=theirs,
            kind=None,
            sample=lambda task, batch: task.pretraining_sample(batch),
            num_tokens=lambda batch: batch.tokens.size,
            updates=RandomUpdates(),
            checkpoints=CheckpointFolder(folder / "fairseq", "a"),
            history_path=folder / "fairseq.csv",
            **common,
        ),
    )


def forward_difference(kind: ModuleKind, folder: Path) -> float:
    """The largest of all logits at tokens, of sequences of four languages, padded to one length.

    Weights are drawn wider than training's, so that every part of a layer matters.
    """
    ours, theirs = engines(kind, folder)
    generator = torch.Generator().manual_seed(2)
    model = ours.model
    assert isinstance(model, MaskedLanguageModel)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.empty_like(parameter).normal_(0.0, 0.2, generator=generator))
    from xmod.engines.fairseq_plugin.weights import put_into_fairseq

    put_into_fairseq(model, theirs.trainer.model)
    lengths_B = torch.tensor([24, 7, 13, 24, 1, 20])
    tokens_BL = torch.randint(4, VOCABULARY_SIZE, (6, 24), generator=generator)
    is_token_BL = torch.arange(24) < lengths_B[:, None]
    tokens_BL[~is_token_BL] = 1
    segments = [Segment("sw", 2), Segment("en", 1), Segment("to", 2), Segment("ru", 1)]
    read_M = is_token_BL.flatten().nonzero().squeeze(1)
    with torch.no_grad():
        ours_MV = model.eval().logits(tokens_BL, segments, read_M, lengths_B)
        languages = [one.language for one in segments for _ in range(one.size)]
        sample = theirs.trainer.task._input(tokens_BL.numpy(), languages)
        theirs_BLV = theirs.trainer.model.eval()(**sample)[0]
    return float((ours_MV - theirs_BLV[is_token_BL]).abs().max())


def gradient_difference(kind: ModuleKind, folder: Path) -> float:
    """The largest of all gradients of the first update; a module that one engine has without a
    gradient has none in the other either."""
    from xmod.engines.fairseq_plugin.weights import as_ours, fairseq_names

    ours, theirs = engines(kind, folder)
    batches = RandomUpdates().update(0)
    ours.model.train()
    ours._accumulate(batches)
    trainer, num_targets = theirs.trainer, sum(len(batch.targets) for batch in batches)
    for batch in batches:
        trainer.task.train_step(
            trainer.task.pretraining_sample(batch),
            trainer.model.train(),
            trainer.criterion,
            trainer.optimizer,
            update_num=0,
        )
    gradients: Mapping[str, Tensor] = {
        name: p.grad / num_targets
        for name, p in trainer.model.named_parameters()
        if p.grad is not None
    }
    largest = 0.0
    for name, parameter in ours.model.named_parameters():
        has_one = set(fairseq_names(name, is_task=False)) <= gradients.keys()
        if has_one != (parameter.grad is not None):
            return math.inf
        if parameter.grad is not None:
            difference = parameter.grad - as_ours(name, gradients, is_task=False)
            largest = max(largest, float(difference.abs().max()))
    return largest


def loss_difference(kind: ModuleKind, folder: Path) -> tuple[float, float]:
    """The largest between the losses of one update, and the last loss."""
    ours, theirs = engines(kind, folder)
    ours.run()
    theirs.run()
    pairs = list(zip(ours.progress.rows, theirs.progress.rows, strict=True))
    assert len(pairs) == NUM_UPDATES
    return max(abs(a["loss"] - b["loss"]) for a, b in pairs), pairs[-1][0]["loss"]


def measure(kind: ModuleKind) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        losses, last = loss_difference(kind, folder)
        return {
            "logits": forward_difference(kind, folder),
            "gradients_at_update_1": gradient_difference(kind, folder),
            "losses": losses,
            "last_loss": last,
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fairseq_parity", description=__doc__
    )
    parser.add_argument("--json", type=Path, help="write the numbers there as well")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    import_fairseq()
    found = {variant: measure(kind) for variant, kind in VARIANTS.items()}
    if arguments.json:
        arguments.json.write_text(json.dumps(found), encoding="utf-8")
    rows = [
        (variant, *(f"{value:.1e}" for value in one.values())) for variant, one in found.items()
    ]
    show(
        Table(
            title="Largest differences between the engines",
            explanation="",
            columns=("variant", *(key.replace("_", " ") for key in found["xmod"])),
            rows=tuple(rows),
        )
    )


if __name__ == "__main__":
    main()
