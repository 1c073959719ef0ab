"""Weights to start from: RoBERTa's, and a start of attention for laptop sizes."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from xmod.config import ModelConfig
from xmod.model.encoder import Encoder
from xmod.model.heads import MaskedLanguageModel
from xmod.model.language_modules import Bottleneck
from xmod.model.neighbours import attend_to_neighbours


@torch.no_grad()
def initialise(model: MaskedLanguageModel, config: ModelConfig, generator: torch.Generator) -> None:
    """Draw every weight anew: normal(0, initializer_range), biases 0, LayerNorms 1 and 0.

    What is shared is drawn from `generator` in an order that no language enters, and each
    module from a generator of its own, derived from `generator`'s seed and the module's name.
    So models of one seed start from equal shared weights, and from equal modules for the
    languages that they have in common, whatever their variant and language set.
    """
    seed = generator.initial_seed()
    _initialise_encoder(model.encoder, config, generator)
    _initialise_linear(model.head.dense, config.initializer_range, generator)
    _reset_norm(model.head.norm)
    model.head.decoder_bias.zero_()
    for index, layer in enumerate(model.encoder.each_layer()):
        for name, module in layer.language_modules.named():
            own = named_generator(seed, f"layer {index}, module {name}")
            initialise_module(module, config, own)


@torch.no_grad()
def initialise_module(module: Bottleneck, config: ModelConfig, generator: torch.Generator) -> None:
    """Draw a language module's weights anew."""
    deviation = config.module_initializer_range or config.initializer_range
    _initialise_linear(module.down, deviation, generator)
    _initialise_linear(module.up, deviation, generator)


def named_generator(seed: int, name: str) -> torch.Generator:
    """A generator that depends on a seed and a name, and on nothing else."""
    digest = hashlib.sha256(f"{seed}: {name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def _initialise_encoder(encoder: Encoder, config: ModelConfig, generator: torch.Generator) -> None:
    deviation = config.initializer_range
    encoder.token_embeddings.weight.normal_(0.0, deviation, generator=generator)
    encoder.position_embeddings.weight.normal_(0.0, deviation, generator=generator)
    _reset_norm(encoder.embedding_norm)
    for layer in encoder.each_layer():
        for linear in layer.shared_linears():
            _initialise_linear(linear, deviation, generator)
        for part in layer.children():
            if isinstance(part, nn.LayerNorm):
                _reset_norm(part)
    if encoder.final_norm is not None:
        _reset_norm(encoder.final_norm)
    if config.attention_init == "neighbours":
        attend_to_neighbours(encoder)


def _initialise_linear(linear: nn.Linear, deviation: float, generator: torch.Generator) -> None:
    linear.weight.normal_(0.0, deviation, generator=generator)
    linear.bias.zero_()


def _reset_norm(norm: nn.LayerNorm) -> None:
    norm.weight.fill_(1.0)
    norm.bias.zero_()
