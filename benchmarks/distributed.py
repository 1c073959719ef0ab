"""Memory a rank and bytes sent an update, with modules on all ranks and on some.

Of 64 ranks in machines of 8 at the base size, vocabulary 250,002, and the paper's updates of 64
draws of 32 sequences, drawn from CC-100's sizes: means over 50 updates. Memory is weights,
gradients and Adam's two moments in float32, without activations, at the rank that has most. Sent
is what that rank sends as rings send it, 2 (n - 1) / n of what n ranks reduce. PyTorch's
DistributedDataParallel would send the gradients of all modules, held or not. Imbalance is the
sequences of the rank that has most of an update over the mean: the others wait for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
import torch.multiprocessing as mp

from benchmarks.models import config_of
from benchmarks.report import Table, explanation, main
from benchmarks.shapes import BASE, TOY, Shape
from xmod.config_training import OptimizerConfig
from xmod.data.batches import Batch
from xmod.data.sampling import LanguageSampler, sampling_probabilities
from xmod.languages import read_languages
from xmod.model import MaskedLanguageModel, initialise, parameter_counts
from xmod.training.objective import MaskedLanguageModelling
from xmod.training.optimizer import build_optimizer
from xmod.training.placement import Placement
from xmod.training.ranks import Place, joined
from xmod.training.together import Together

PAPER = replace(BASE, vocabulary_size=250_002)
SETS = ("13", "30", "60", "75")
NUM_DRAWS, SEQUENCES_PER_DRAW = 64, 32
NUM_UPDATES = 50
TOY_RANKS, TOY_UPDATES = 4, 3


@dataclass(frozen=True)
class Step:
    """What an update is for the rank that has most of each."""

    memory_bytes: float
    sent_bytes: float
    imbalance: float


def run(*, quick: bool) -> list[Table]:
    sets = ("13", "75") if quick else SETS
    return [_table_of_64(sets), _table_of_counts(sets)]


def probabilities(language_set: str) -> dict[str, float]:
    table = read_languages(Path("config/languages.tsv"))
    isos = [one for one in table if one.roles.get(language_set) == "pretrain"]
    return sampling_probabilities({one.iso: one.cc100_mb for one in isos}, alpha=0.7)


def languages_of(language_set: str, update: int) -> list[str]:
    """The language of each of an update's draws."""
    sampler = LanguageSampler(probabilities(language_set), draws_per_update=NUM_DRAWS, seed=1)
    return [language for language, _ in sampler.draws(update)]


def predicted(
    placement: Placement,
    shape: Shape,
    updates: Sequence[Sequence[tuple[str, int]]],
    *,
    rank: int | None = None,
) -> Step:
    """From the model's parameter counts and the micro-batches (language, sequences) of updates."""
    with torch.device("meta"):
        model = MaskedLanguageModel(
            config_of(shape),
            module_kind="language",
            languages=["one"],
            vocabulary_size=shape.vocabulary_size,
        )
    counts = parameter_counts(model)
    ranks = range(placement.num_ranks) if rank is None else [rank]
    held = {one: len(placement.languages(one)) for one in ranks}
    sent, imbalance = dict.fromkeys(ranks, 0.0), []
    group = placement.num_ranks // placement.num_shards
    for batches in updates:
        present = {language for language, _ in batches}
        for one in ranks:
            own = len(present & set(placement.languages(one)))
            sent[one] += _ring(placement.num_ranks) * 4 * counts.shared
            sent[one] += _ring(group) * 4 * counts.per_module * own
        load = [0] * placement.num_ranks
        owners = placement.assign([([language], size) for language, size in batches])
        for owner, (_, size) in zip(owners, batches, strict=True):
            load[owner] += size
        imbalance.append(max(load) / fmean(load))
    return Step(
        16.0 * (counts.shared + counts.per_module * max(held.values())),
        max(sent.values()) / len(updates),
        fmean(imbalance),
    )


def _ring(size: int) -> float:
    return 2 * (size - 1) / size


def _table_of_64(sets: Sequence[str]) -> Table:
    rows = []
    for name in sets:
        chances = probabilities(name)
        for num_shards in (1, 8):
            placement = Placement.balanced(chances, num_ranks=64, num_shards=num_shards)
            cut = {size: predicted(placement, PAPER, _cut(name, size)) for size in (32, 16, 8)}
            step = cut[32]
            whole = Placement(1, 1, placement.shard_of)
            everything = predicted(whole, PAPER, _cut(name, 32)[:1])
            by_ddp = _ring(64) * everything.memory_bytes / 4
            rows.append(
                (
                    str(len(chances)),
                    "all" if num_shards == 1 else f"1 of {num_shards}",
                    f"{step.memory_bytes / 2**30:.2f}",
                    f"{step.sent_bytes / 2**30:.2f}",
                    f"{by_ddp / 2**30:.2f}" if num_shards == 1 else "",
                    *(f"{one.imbalance:.2f}" for one in cut.values()),
                )
            )
    return Table(
        title="64 ranks: memory, what is sent, and how even the work is",
        explanation=explanation(__doc__),
        columns=(
            *("languages", "ranks that have a module", "memory, GiB", "sent an update, GiB"),
            *("DDP, GiB", "imbalance, micro-batches of 32", "of 16", "of 8"),
        ),
        rows=tuple(rows),
    )


def _cut(language_set: str, size: int) -> list[list[tuple[str, int]]]:
    """Micro-batches of updates, as training cuts them: a language's draws, then `size` rows."""
    updates = []
    for update in range(NUM_UPDATES):
        drawn = languages_of(language_set, update)
        updates.append(
            [
                (language, size)
                for language in dict.fromkeys(drawn)
                for _ in range(drawn.count(language) * SEQUENCES_PER_DRAW // size)
            ]
        )
    return updates


def _table_of_counts(sets: Sequence[str]) -> Table:
    """The formulas above against tensors and collectives of real ranks."""
    rows = []
    for name in sets:
        for num_shards in (1, 2, 4):
            with tempfile.TemporaryDirectory() as folder:
                mp.spawn(_count, (name, num_shards, folder), nprocs=TOY_RANKS)  # type: ignore[no-untyped-call]
                counted = np.array([np.load(f"{folder}/{rank}.npy") for rank in range(TOY_RANKS)])
            placement = Placement.balanced(
                probabilities(name), num_ranks=TOY_RANKS, num_shards=num_shards
            )
            batches = [[(one, 1) for one in languages_of(name, u)] for u in range(TOY_UPDATES)]
            steps = [predicted(placement, TOY, batches, rank=rank) for rank in range(TOY_RANKS)]
            expected = np.array([(step.memory_bytes, step.sent_bytes) for step in steps])
            rows.append(
                (
                    str(len(placement.shard_of)),
                    f"{TOY_RANKS // num_shards} of {TOY_RANKS}",
                    *(f"{value:,.0f}" for value in counted.max(axis=0)),
                    f"{np.abs(counted - expected).max():,.0f}",
                )
            )
    return Table(
        title="The same, counted on 4 ranks",
        explanation=(
            "A toy model on 4 gloo processes: the bytes of its weights, gradients (of modules, "
            "whether the last update held them or not) and Adam's moments, and those that the "
            "reductions sent, at the rank that has most. Off is the largest difference of any "
            "rank from what the formulas of the table above say."
        ),
        columns=("languages", "ranks that have a module", "memory, B", "sent an update, B", "off"),
        rows=tuple(rows),
    )


def _count(rank: int, language_set: str, num_shards: int, folder: str) -> None:
    torch.set_num_threads(1)
    place = Place(
        rank=rank,
        num_ranks=TOY_RANKS,
        local_rank=rank,
        address="127.0.0.1",
        meeting=f"file://{folder}/meeting",
    )
    with joined(place, torch.device("cpu")) as ranks:
        placement = Placement.balanced(
            probabilities(language_set), num_ranks=TOY_RANKS, num_shards=num_shards
        )
        shape = config_of(TOY)
        model = MaskedLanguageModel(
            shape,
            module_kind="language",
            languages=placement.languages(rank),
            vocabulary_size=TOY.vocabulary_size,
        )
        initialise(model, shape, torch.Generator().manual_seed(1))
        together = Together(ranks, placement, model)
        objective, optimizer = MaskedLanguageModelling(model), _optimizer(model)
        for update in range(TOY_UPDATES):
            optimizer.zero_grad(set_to_none=True)
            batches = [_batch(language) for language in languages_of(language_set, update)]
            total = torch.zeros(())
            for _, batch in together.share(update, batches):
                loss = objective.loss(batch, torch.device("cpu"))
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
            together.reduce(total, batches)
            optimizer.step()
        size = sum(p.numel() * p.element_size() for p in model.parameters())
        state = optimizer.state
        moments = sum(
            state[p][key].numel() * 4 if p in state else p.numel() * 4  # of languages still to come
            for p in model.parameters()
            for key in ("exp_avg", "exp_avg_sq")
        )
        np.save(f"{folder}/{rank}.npy", [2 * size + moments, ranks.sent_bytes / TOY_UPDATES])


def _optimizer(model: MaskedLanguageModel) -> torch.optim.Optimizer:
    optimizer = build_optimizer(model.parameters(), OptimizerConfig())
    for group in optimizer.param_groups:
        group["lr"] = 1e-3
    return optimizer


def _batch(language: str) -> Batch:
    tokens = np.arange(TOY.length, dtype=np.int64)[None] + 4
    masked = np.array([3])
    return Batch(tokens=tokens, segments=((language, 1),), masked=masked, targets=tokens[0, masked])


if __name__ == "__main__":
    main(run)
