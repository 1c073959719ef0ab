"""The arithmetic of a pass: by hand, and as PyTorch counts it in real steps."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.unit.shapes import model_config
from xmod.config_section import ModuleKind, Trainable
from xmod.config_tasks import TaskKind
from xmod.model import MaskedLanguageModel, Segment
from xmod.model.finetuning import copy_to_train
from xmod.model.task_heads import TaskModel
from xmod.model.transfer import part_of
from xmod.planning.flops import EVERYTHING, Head, Part, pass_flops
from xmod.planning.task_work import TASK_HEADS
from xmod.tasks.heads import HEADS

NUM_SEQUENCES, LENGTH, NUM_MASKED = 3, 20, 9
TOKENS = NUM_SEQUENCES * LENGTH
EXTENSION: tuple[Trainable, ...] = ("embeddings", "positions", "modules")


def test_by_hand() -> None:
    """One layer of 8 by 16 with a bottleneck of 2; 6 tokens in threes, of which 2 are read."""
    model = model_config(num_layers=1, width=8, num_heads=1, feed_forward=16, bottleneck=2)
    forward = (
        2 * 6 * 8 * 24  # queries, keys and values
        + 2 * 2 * 6 * 3 * 8  # scores, and the values' sum
        + 2 * 2 * 8 * 8  # attention's output, of the tokens that are read
        + 2 * 2 * (8 * 16 + 16 * 8)  # feed-forward
        + 2 * 2 * (8 * 2 + 2 * 8)  # module
        + 2 * 2 * 8 * 8  # head
        + 2 * 2 * 8 * 50  # decoder
    )

    def flops(*trains: Part) -> float:
        return pass_flops(
            model, has_modules=True, head="mlm", num_outputs=50, num_tokens=6, length=3,
            num_read=2, trains=trains,
        )  # fmt: skip

    assert flops() == forward
    assert flops(*EVERYTHING) == 3 * forward
    # Modules alone: nothing flows back below the first one, whose input needs no gradient.
    assert flops("modules") == forward + 2 * 2 * (8 * 2 + 2 * 2 * 8) + 2 * 2 * (8 * 8 + 8 * 50)


TRAINED: tuple[Collection[Part], ...] = (EVERYTHING, EXTENSION, EXTENSION[:2], ("modules",))


@pytest.mark.parametrize(
    ("kind", "trains"),
    [
        (kind, trains)
        for kind in ("language", "shared", "none")
        for trains in TRAINED
        if kind != "none" or trains != ("modules",)
    ],
)
def test_masked_language_modelling_as_pytorch_counts(
    kind: ModuleKind, trains: Collection[Part]
) -> None:
    with torch.device("meta"):
        model = MaskedLanguageModel(
            model_config(), module_kind=kind, languages=("en", "sw"), vocabulary_size=60
        )
        tokens = torch.zeros(NUM_SEQUENCES, LENGTH, dtype=torch.long)
        masked = torch.zeros(NUM_MASKED, dtype=torch.long)
    freeze(model, trains)
    with FlopCounterMode(display=False) as counter:
        model.nll(tokens, [Segment("en", NUM_SEQUENCES)], masked, masked).sum().backward()
    assert counter.get_total_flops() == pass_flops(
        model_config(), has_modules=kind != "none", head="mlm", num_outputs=60,
        num_tokens=TOKENS, length=LENGTH, num_read=NUM_MASKED, trains=trains,
    )  # fmt: skip


@pytest.mark.parametrize("kind", list(TASK_HEADS))
def test_fine_tuning_as_pytorch_counts(kind: TaskKind) -> None:
    head, num_outputs = HEADS[kind]
    with torch.device("meta"):
        base = MaskedLanguageModel(
            model_config(), module_kind="language", languages=("en", "sw"), vocabulary_size=60
        )
        encoder = copy_to_train(base.encoder, freezes=EXTENSION)
        model = TaskModel(encoder, kind=head, num_outputs=num_outputs)
        tokens = torch.zeros(NUM_SEQUENCES, LENGTH, dtype=torch.long)
        lengths = torch.full((NUM_SEQUENCES,), LENGTH)
    with FlopCounterMode(display=False) as counter:
        model(tokens, [Segment("en", NUM_SEQUENCES)], lengths).sum().backward()
    planned, outputs = TASK_HEADS[kind]
    assert counter.get_total_flops() == flops_of_task(planned, outputs)


def flops_of_task(head: Head, num_outputs: int) -> float:
    return pass_flops(
        model_config(), has_modules=True, head=head, num_outputs=num_outputs, num_tokens=TOKENS,
        length=LENGTH, num_read=NUM_SEQUENCES if head == "sentence" else TOKENS, trains=("body",),
    )  # fmt: skip


def freeze(model: torch.nn.Module, trains: Collection[Part]) -> None:
    """All but what is trained."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_((part_of(name) or "body") in trains)


def test_what_the_plan_says_of_tasks_heads_is_so() -> None:
    assert {kind: (head == "sentence", num) for kind, (head, num) in TASK_HEADS.items()} == {
        kind: (head == "sentence", num) for kind, (head, num) in HEADS.items()
    }
