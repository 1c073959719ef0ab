"""Fine-tuning on a task: its loss against plain formulas and transformers', and its updates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.unit.model.helpers import randomise
from tests.unit.model.in_transformers import as_transformers_task
from tests.unit.shapes import model_config
from tests.unit.tasks.many_scripts import encoded, vocabulary
from tests.unit.tasks.small_cell import SETTINGS, examples
from xmod.config_tasks import TaskKind
from xmod.model import MaskedLanguageModel, Segment, initialise
from xmod.model.task_heads import TaskModel, initialise_head
from xmod.tasks.batches import TaskBatch, make_batch
from xmod.tasks.features import Features
from xmod.tasks.finetuning import TaskObjective, TaskUpdates
from xmod.tasks.heads import HEADS
from xmod.tasks.ner import NO_TAG

KINDS: tuple[TaskKind, ...] = ("nli", "ner", "qa")
CPU = torch.device("cpu")


def task_model(kind: TaskKind) -> TaskModel:
    """With random weights and no dropout."""
    shape = model_config(width=16, bottleneck=8, dropout=0.0, attention_dropout=0.0)
    base = MaskedLanguageModel(
        shape, module_kind="language", languages=("en", "sw"), vocabulary_size=vocabulary().size
    )
    initialise(base, shape, torch.Generator().manual_seed(1))
    head, num_outputs = HEADS[kind]
    model = TaskModel(base.encoder, kind=head, num_outputs=num_outputs)
    initialise_head(model, seed=1)
    randomise(model)
    return model


def features(folder: Path, kind: TaskKind, *, count: int = 21) -> Features:
    settings = SETTINGS if kind == "qa" else {"max_length": SETTINGS["max_length"]}
    return encoded(kind, examples(kind, count, seed="1"), folder / "en.features", **settings)


def objective(model: TaskModel, kind: TaskKind) -> TaskObjective:
    return TaskObjective(model, kind=kind, language="sw")


def mean_loss(model: TaskModel, kind: TaskKind, batches: list[TaskBatch]) -> Tensor:
    """As the trainer takes it: the sum over an update, by the number of its targets."""
    made = objective(model, kind)
    total = sum(made.loss(batch, CPU) for batch in batches)
    return torch.as_tensor(total / sum(map(made.num_targets, batches)))


def by_hand(model: TaskModel, kind: TaskKind, batch: TaskBatch) -> list[Tensor]:
    """Every target's negative log-likelihood, sequence by sequence."""
    found = []
    for row, target in enumerate(batch.targets):
        scores = sequence_scores(model, batch, row)
        if kind == "nli":
            found.append(-scores.log_softmax(0)[target])
        elif kind == "ner":
            tags = target[: len(scores)]
            found += [
                -line.log_softmax(0)[tag]
                for line, tag in zip(scores, tags, strict=True)
                if tag != NO_TAG
            ]
        else:
            start, end = scores.log_softmax(0).T
            found.append(-(start[target[0]] + end[target[1]]) / 2)
    return found


def sequence_scores(model: TaskModel, batch: TaskBatch, row: int) -> Tensor:
    """Of one sequence alone, without padding."""
    length = int(batch.lengths[row])
    ids = torch.from_numpy(batch.ids[row : row + 1, :length])
    scores: Tensor = model(ids, [Segment("sw", 1)], torch.tensor([length]))[0]
    return scores


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_that_of_each_target(tmp_path: Path, kind: TaskKind) -> None:
    """Whatever is beside a sequence: padding takes no part, nor do tokens without a tag."""
    made = features(tmp_path, kind)
    batch = make_batch(made, np.arange(len(made)))
    assert batch.lengths.min() < batch.lengths.max()
    model = task_model(kind)
    expected = by_hand(model, kind, batch)
    goal = objective(model, kind)
    assert goal.num_targets(batch) == len(expected)
    assert goal.num_tokens(batch) == batch.ids.size
    torch.testing.assert_close(
        goal.loss(batch, CPU), torch.stack(expected).sum(), atol=1e-4, rtol=1e-5
    )
    if kind == "ner":
        assert len(expected) < batch.lengths.sum() - 2 * len(batch.rows), "some tokens have no tag"
    if kind == "qa":
        without = (batch.targets == 0).all(axis=1)
        assert 0 < without.sum() < len(without), "windows with and without the answer"


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_transformers(tmp_path: Path, kind: TaskKind) -> None:
    """Ours by the number of targets. Their QA spreads over padding too, so without any there."""
    made = features(tmp_path, kind)
    rows = np.arange(len(made))
    if kind == "qa":
        rows = rows[made.lengths == SETTINGS["max_length"]]
        assert len(rows) > 3
    batch = make_batch(made, rows)
    model = task_model(kind)
    theirs = as_transformers_task(model, HEADS[kind][0])
    targets = torch.from_numpy(batch.targets)
    labels = (
        {"start_positions": targets[:, 0], "end_positions": targets[:, 1]}
        if kind == "qa"
        else {"labels": targets}
    )
    is_token = torch.arange(batch.ids.shape[1]) < torch.from_numpy(batch.lengths)[:, None]
    expected = theirs(
        torch.from_numpy(batch.ids),
        attention_mask=is_token.long(),
        lang_ids=torch.ones(len(rows), dtype=torch.long),
        **labels,
    ).loss
    torch.testing.assert_close(mean_loss(model, kind, [batch]), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_micro_batches_give_the_gradient_of_one_batch(tmp_path: Path, kind: TaskKind) -> None:
    made = features(tmp_path, kind)
    gradients, sizes = [], []
    for size in (2, 100):
        updates = TaskUpdates(made, batch_sequences=12, micro_batch_sequences=size, seed=1)
        batches = updates.update(1)
        model = task_model(kind)
        mean_loss(model, kind, batches).backward()  # type: ignore[no-untyped-call]
        gradients.append({name: p.grad for name, p in model.named_parameters()})
        sizes.append(len(batches))
    assert sizes[0] > sizes[1] == 1
    few, one = gradients
    for name, gradient in one.items():
        if gradient is None:
            assert few[name] is None
            assert ".for_en." in name, "the language that is not in the batch"
        else:
            torch.testing.assert_close(few[name], gradient, atol=1e-6, rtol=1e-4)


def content(batches: list[TaskBatch]) -> list[Any]:
    return [(one.rows.tolist(), one.ids.tolist(), one.targets.tolist()) for one in batches]


def test_updates_follow_from_seed_and_number(tmp_path: Path) -> None:
    made = features(tmp_path, "qa")

    def updates(seed: int = 1) -> TaskUpdates:
        return TaskUpdates(made, batch_sequences=8, micro_batch_sequences=4, seed=seed)

    first = updates()
    stop = 2 * first.updates_per_epoch + 1
    whole = [content(first.update(number)) for number in range(stop)]
    assert [content(updates().update(number)) for number in reversed(range(stop))] == whole[::-1]
    assert whole != [content(updates(2).update(number)) for number in range(stop)]
    assert whole[0] != whole[first.updates_per_epoch], "each epoch has its own order"


@pytest.mark.parametrize("start", [0, 3, 11, 17])
def test_updates_go_on_where_they_stopped(tmp_path: Path, start: int) -> None:
    """Also across an epoch's end and a run of prefetched ones."""
    made = features(tmp_path, "nli")
    updates = TaskUpdates(made, batch_sequences=4, micro_batch_sequences=2, seed=1)
    assert updates.updates_per_epoch == 6
    updates.next_update = start
    with updates.prefetched(stop=20) as batches:
        found = [content(one) for one in batches]
    assert found == [content(updates.update(number)) for number in range(start, 20)]
    assert len(found) == 20 - start
