"""What fine-tuning trains, and how the trained weights meet another language's (X-MOD section 3).

The encoder's shared weights and the head are trained on the source language; embeddings, positions
and modules are frozen. For another language they are then that language's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from xmod.config_section import Trainable
from xmod.model.encoder import Encoder
from xmod.model.transfer import part_of


def copy_to_train(encoder: Encoder, *, freezes: Collection[Trainable]) -> Encoder:
    """An encoder with trainable copies of all but what `freezes` names, which is shared."""
    return _rebuilt(
        encoder,
        {
            name: nn.Parameter(parameter.detach().clone())
            for name, parameter in encoder.named_parameters()
            if part_of(name) not in freezes
        },
    )


def with_trained(
    encoder: Encoder, trained: Mapping[str, Tensor], *, keeps: Collection[Trainable] = ()
) -> Encoder:
    """`encoder`, with what was trained on another encoder of the same shape in its place.

    `trained` are parameters by name, of which those that `keeps` names stay the encoder's own,
    and so do the modules of languages that it does not have. Raises ValueError where a weight
    does not fit.
    """
    own = dict(encoder.named_parameters())
    taken = {}
    for name, value in trained.items():
        part = part_of(name)
        if part in keeps or (part == "modules" and name not in own):
            continue
        if name not in own or own[name].shape != value.shape:
            raise ValueError(f"trained weight {name} {tuple(value.shape)} does not fit the encoder")
        taken[name] = nn.Parameter(value, requires_grad=False)
    return _rebuilt(encoder, taken)


def with_module_of(encoder: Encoder, language: str, other: Encoder, other_language: str) -> Encoder:
    """`encoder`, in which `language` goes through `other`'s module of `other_language`.

    A control: how much does a language's own module matter? Raises ValueError where modules are
    not one a language.
    """
    if encoder.module_kind != "language" or other.module_kind != "language":
        raise ValueError(f"modules are {encoder.module_kind}, not one a language")
    taken = {}
    for index, (layer, other_layer) in enumerate(
        zip(encoder.each_layer(), other.each_layer(), strict=True)
    ):
        name_of = {parameter: name for name, parameter in layer.named_parameters()}
        mine = layer.language_modules.of(language)
        theirs = other_layer.language_modules.of(other_language)
        for parameter, other_parameter in zip(mine.parameters(), theirs.parameters(), strict=True):
            taken[f"layers.{index}.{name_of[parameter]}"] = nn.Parameter(
                other_parameter.detach(), requires_grad=False
            )
    return _rebuilt(encoder, taken)


def _rebuilt(encoder: Encoder, parameters: Mapping[str, nn.Parameter]) -> Encoder:
    """An encoder of the same shape: `parameters` in their places, the others shared, frozen."""
    with torch.device("meta"):
        rebuilt = Encoder(
            encoder.config,
            module_kind=encoder.module_kind,
            languages=encoder.languages,
            vocabulary_size=encoder.token_embeddings.num_embeddings,
        )
    for name, shared in encoder.named_parameters():
        owner, _, leaf = name.rpartition(".")
        value = parameters.get(name, nn.Parameter(shared.detach(), requires_grad=False))
        setattr(rebuilt.get_submodule(owner), leaf, value)
    return rebuilt
