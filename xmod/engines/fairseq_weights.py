"""Our weights in fairseq's places, and back.

`xmod.interop.names` has the names. Two things are otherwise than in a released checkpoint: a
module is called as here, and a task's head is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from xmod.interop.names import FAIRSEQ, foreign_names, from_foreign, to_foreign
from xmod.model.task_heads import TaskModel

HEAD: Final = "task"
"""What the head of a fine-tuned model is called in `classification_heads`."""
_TASK_LAYERS: Final = {"head.dense": "dense", "head.output": "out_proj"}


class _ModuleKeys(dict[str, str]):
    """What any language's module is called: with a prefix, as in `LanguageModules`."""

    def __missing__(self, language: str) -> str:
        return f"for_{language}"


def fairseq_names(name: str, *, is_task: bool) -> tuple[str, ...]:
    """fairseq's parameters that our parameter `name` is: one, or three one below the other.

    `is_task` says that the head is a task's, not that of the masked language model. Raises
    KeyError for a name that is no parameter of ours.
    """
    layer, _, leaf = name.rpartition(".")
    if is_task and layer in _TASK_LAYERS:
        return (f"classification_heads.{HEAD}.{_TASK_LAYERS[layer]}.{leaf}",)
    return foreign_names(name, FAIRSEQ, _ModuleKeys())


def as_ours(name: str, theirs: Mapping[str, Tensor], *, is_task: bool) -> Tensor:
    """Our parameter `name`, of fairseq's by name; of gradients just as well."""
    return from_foreign(name, [theirs[one] for one in fairseq_names(name, is_task=is_task)])


@torch.no_grad()
def put_into_fairseq(ours: nn.Module, theirs: nn.Module) -> None:
    """Give fairseq's model our weights, and let it train what trains here.

    What we do not have, such as the language-model head of a model with a task's, stays frozen.
    """
    named = dict(theirs.named_parameters())
    for parameter in named.values():
        parameter.requires_grad_(False)
    for name, parameter in ours.named_parameters():
        names = fairseq_names(name, is_task=has_task(ours))
        for their_name, rows in zip(names, to_foreign(name, parameter, len(names)), strict=True):
            named[their_name].copy_(rows)
            named[their_name].requires_grad_(parameter.requires_grad)


@torch.no_grad()
def take_from_fairseq(theirs: nn.Module, ours: nn.Module) -> None:
    """The other way round: our model gets the weights that fairseq has trained."""
    named = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        parameter.copy_(as_ours(name, named, is_task=has_task(ours)))


def has_task(ours: nn.Module) -> bool:
    """Whether its head is a task's."""
    return isinstance(ours, TaskModel)
