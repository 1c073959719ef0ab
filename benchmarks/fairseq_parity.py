"""`python -m benchmarks.fairseq_parity [--json FILE]`: how far the two engines are apart.

Runs in fairseq's environment (docs/fairseq.md). A small model of each variant, in the layout of the
released base models and of the large one, with random weights and dropout 0, goes through both
engines' own code with the same batches: the logits of padded sequences of several languages, the
gradients of an update, and the losses of 100 updates.

Shapes: B sequences, L length, M tokens that are read, V vocabulary.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.models import config_of
from benchmarks.report import Table, show
from benchmarks.shapes import PARITY
from xmod.config import ModelConfig
from xmod.config_section import Engine, ModuleKind
from xmod.config_tasks import FinetuneConfig, TaskKind
from xmod.config_training import PretrainConfig
from xmod.data.batches import Batch
from xmod.engines.choice import trainer_of
from xmod.engines.fairseq_start import build_trainer, import_fairseq
from xmod.model import MaskedLanguageModel, Segment, initialise
from xmod.model.finetuning import copy_to_train
from xmod.model.task_heads import TaskModel, initialise_head
from xmod.tasks.batches import TaskBatch
from xmod.tasks.examples import NER_TAGS, NLI_LABELS
from xmod.tasks.finetuning import TaskObjective
from xmod.tasks.heads import HEADS
from xmod.tasks.ner import NO_TAG
from xmod.tokenization.vocabulary import PAD
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.loop import Execution, TrainingLoop
from xmod.training.objective import MaskedLanguageModelling
from xmod.training.trainer import Trainer

NUM_UPDATES = 100
LANGUAGES = ("en", "to", "ru", "sw")
"""`to` (Tongan) is a method of PyTorch's modules as well."""
MODEL = config_of(PARITY, dropout=0.0, max_positions=32)
LAYOUTS = {
    "base": MODEL,
    "large": MODEL.model_copy(update={"layer_norm": "pre", "bottleneck": MODEL.width // 4}),
}
VARIANTS: dict[str, ModuleKind] = {"xmod": "language", "shared": "shared", "shared_nm": "none"}
VOCABULARY_SIZE = PARITY.vocabulary_size
EPSILONS = (1e-8, 1e-6)
"""Adam's. fairseq adds it to the root of the uncorrected second moment, PyTorch to that of the
corrected one: to fairseq it is up to 7 times larger in the first updates."""
CONFIG = PretrainConfig(
    sequence_length=PARITY.length,
    batch_sequences=PARITY.num_sequences,
    sequences_per_draw=4,
    precision="float32",
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


def new_model(kind: ModuleKind, shape: ModelConfig) -> MaskedLanguageModel:
    model = MaskedLanguageModel(
        shape, module_kind=kind, languages=LANGUAGES, vocabulary_size=VOCABULARY_SIZE
    )
    initialise(model, shape, torch.Generator().manual_seed(1))
    return model


def engines(
    model: MaskedLanguageModel, folder: Path, config: PretrainConfig = CONFIG
) -> tuple[Trainer[Batch], Any]:
    """The two engines' trainings of one model, that begin with the same weights."""
    ours, theirs = (
        _training(engine, deepcopy(model), folder, config) for engine in get_args(Engine)
    )
    assert isinstance(ours, Trainer)
    return ours, theirs


def _training(
    engine: Engine, model: MaskedLanguageModel, folder: Path, config: PretrainConfig
) -> TrainingLoop[Batch]:
    return trainer_of(engine)(
        label="parity",
        model=model,
        objective=MaskedLanguageModelling(model),
        updates=RandomUpdates(),
        config=config,
        peak_learning_rate=CONFIG.peak_learning_rate,
        budget_updates=NUM_UPDATES,
        seed=1,
        execution=EXECUTION,
        checkpoints=CheckpointFolder(folder / engine, "a"),
    )


def forward_difference(model: MaskedLanguageModel, folder: Path) -> float:
    """The largest of all logits at tokens, of sequences of four languages, padded to one length.

    Weights are drawn wider than training's, so that every part of a layer matters.
    """
    generator = torch.Generator().manual_seed(2)
    model = deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.empty_like(parameter).normal_(0.0, 0.2, generator=generator))
    _, theirs = engines(model, folder)
    lengths_B = torch.tensor([24, 7, 13, 24, 1, 20])
    tokens_BL = torch.randint(4, VOCABULARY_SIZE, (6, 24), generator=generator)
    is_token_BL = torch.arange(24) < lengths_B[:, None]
    tokens_BL[~is_token_BL] = 1
    segments = [Segment("sw", 2), Segment("en", 1), Segment("to", 2), Segment("ru", 1)]
    read_M = is_token_BL.flatten().nonzero().squeeze(1)
    with torch.no_grad():
        ours_MV = model.eval().logits(tokens_BL, segments, read_M, lengths_B)
        languages = [one.language for one in segments for _ in range(one.size)]
        sample = theirs.trainer.task.net_input(tokens_BL.numpy(), languages)
        theirs_BLV = theirs.trainer.model.eval()(**sample)[0]
    return float((ours_MV - theirs_BLV[is_token_BL]).abs().max())


def gradient_difference(model: MaskedLanguageModel, folder: Path) -> float:
    """The largest of all gradients of the first update."""
    ours, theirs = engines(model, folder)
    batches = RandomUpdates().update(0)
    ours.model.train()
    ours._accumulate(0, batches)
    return _largest(ours.model, fairseq_gradients(theirs.trainer, batches))


def task_gradient_difference(kind: TaskKind, shape: ModelConfig) -> float:
    """The same of fine-tuning: two padded micro-batches of one update, what is frozen being so."""
    head, num_outputs = HEADS[kind]
    encoder = copy_to_train(new_model("language", shape).encoder, freezes=FinetuneConfig().freezes)
    ours = TaskModel(encoder, kind=head, num_outputs=num_outputs)
    initialise_head(ours, seed=1)
    batches = [_task_batch(kind, number) for number in (1, 2)]
    objective = TaskObjective(ours.train(), kind=kind, language="to")
    num_targets = sum(map(objective.num_targets, batches))
    trainer = build_trainer(
        deepcopy(ours),
        objective=objective,
        config=FinetuneConfig(),
        precision="float32",
        peak_learning_rate=1e-3,
        budget_updates=10,
        seed=1,
        device=EXECUTION.device,
    )
    for batch in batches:
        (objective.loss(batch, EXECUTION.device) / num_targets).backward()  # type: ignore[no-untyped-call]
    return _largest(ours, fairseq_gradients(trainer, batches))


def fairseq_gradients(trainer: Any, batches: Sequence[Batch | TaskBatch]) -> dict[str, Tensor]:
    """Of an update, by fairseq's names, as its trainer divides them by the targets of all."""
    num_targets = 0
    for batch in batches:
        sample = trainer.task.sample(batch)
        _, number, _ = trainer.task.train_step(
            sample, trainer.model.train(), trainer.criterion, trainer.optimizer, update_num=0
        )
        num_targets += int(number)
    named = trainer.model.named_parameters()
    return {name: p.grad / num_targets for name, p in named if p.grad is not None}


def _largest(ours: nn.Module, gradients: Mapping[str, Tensor]) -> float:
    """Infinite where a parameter has a gradient in one engine only: absent modules have none."""
    from xmod.engines.fairseq_weights import as_ours, fairseq_names, has_task

    largest, is_task = 0.0, has_task(ours)
    for name, parameter in ours.named_parameters():
        has_one = set(fairseq_names(name, is_task=is_task)) <= gradients.keys()
        if has_one != (parameter.grad is not None):
            return math.inf
        if parameter.grad is not None:
            difference = parameter.grad - as_ours(name, gradients, is_task=is_task)
            largest = max(largest, float(difference.abs().max()))
    return largest


def _task_batch(kind: TaskKind, seed: int) -> TaskBatch:
    rng = np.random.default_rng(seed)
    lengths = np.array([24, 17, 9, 9])
    ids = rng.integers(4, VOCABULARY_SIZE - 1, size=(4, 24))
    is_token = np.arange(24) < lengths[:, None]
    tags = rng.integers(NO_TAG, len(NER_TAGS), size=ids.shape)
    targets = {
        "nli": rng.integers(len(NLI_LABELS), size=4),
        "ner": np.where(is_token & (tags >= 0), tags, NO_TAG),
        "qa": np.array([[3, 5], [0, 0], [8, 8], [1, 2]]),
    }
    return TaskBatch(
        rows=np.arange(4),
        ids=np.where(is_token, ids, PAD),
        lengths=lengths,
        targets=targets[kind].astype(np.int64),
    )


def losses(
    model: MaskedLanguageModel, folder: Path, config: PretrainConfig
) -> tuple[list[float], ...]:
    """Of every update, by either engine."""
    ours, theirs = engines(model, folder, config)
    ours.run()
    theirs.run()
    found = tuple([row["loss"] for row in one.progress.rows] for one in (ours, theirs))
    assert len(found[0]) == len(found[1]) == NUM_UPDATES
    return found


def measure(model: MaskedLanguageModel) -> dict[str, float]:
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found["logits"] = forward_difference(model, folder / "forward")
        found["gradients_at_update_1"] = gradient_difference(model, folder / "gradients")
        for epsilon in EPSILONS:
            config = CONFIG.model_copy(update={"adam_epsilon": epsilon})
            ours, theirs = losses(model, folder / f"{epsilon}", config)
            pairs = zip(ours, theirs, strict=True)
            found[f"losses_epsilon_{epsilon:.0e}".replace("e-0", "e-")] = max(
                abs(a - b) for a, b in pairs
            )
        return {**found, "first_loss": ours[0], "last_loss": ours[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fairseq_parity", description=__doc__
    )
    parser.add_argument("--json", type=Path, help="write the numbers there as well")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    import_fairseq()
    variants = {
        f"{variant}, {layout}": measure(new_model(kind, shape))
        for layout, shape in LAYOUTS.items()
        for variant, kind in VARIANTS.items()
    }
    tasks = {
        f"{kind}, {layout}": task_gradient_difference(kind, shape)
        for layout, shape in LAYOUTS.items()
        for kind in HEADS
    }
    if arguments.json:
        text = json.dumps({"variants": variants, "tasks": tasks})
        arguments.json.write_text(text, encoding="utf-8")
    rows = [(name, *(f"{one:.2g}" for one in row.values())) for name, row in variants.items()]
    columns = ("variant", *(key.replace("_", " ") for key in variants["xmod, base"]))
    show(Table(title="Pre-training", explanation="", columns=columns, rows=tuple(rows)))
    show(
        Table(
            title="Fine-tuning",
            explanation="",
            columns=("task", "gradients at update 1"),
            rows=tuple((name, f"{one:.2g}") for name, one in tasks.items()),
        )
    )


if __name__ == "__main__":
    main()
