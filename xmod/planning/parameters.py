"""How many parameters a model has, from its shape alone: no model is built.

`xmod.model.counts` counts those of a real one; a test holds both together.
"""

from __future__ import annotations

from typing import NamedTuple

from xmod.config import ModelConfig
from xmod.config_section import ModuleKind, Trainable


class ParameterCounts(NamedTuple):
    """Parameters of a model; what is tied counts once."""

    total: int
    shared: int
    """What every language uses: all but the modules that belong to one language."""
    per_module: int
    """The modules of one language over all layers (of all languages, where they are shared)."""
    active: int
    """What the sequences of one language go through."""


def parameter_counts(
    model: ModelConfig, *, modules: ModuleKind, num_languages: int, vocabulary_size: int
) -> ParameterCounts:
    """The counts of a masked language model with its head (X-MOD section 3)."""
    parts = part_counts(model, vocabulary_size)
    per_module = 0 if modules == "none" else parts["modules"]
    outside = body_count(model) + parts["embeddings"] + parts["positions"]
    if model.layer_norm == "pre" and modules != "none":
        outside += model.num_layers * 2 * model.width  # the modules' own LayerNorms
    if modules == "language":
        return ParameterCounts(
            outside + num_languages * per_module, outside, per_module, outside + per_module
        )
    total = outside + per_module
    return ParameterCounts(total, total, per_module, total)


def part_counts(model: ModelConfig, vocabulary_size: int) -> dict[Trainable, int]:
    """What belongs to a language where it is added: embeddings with the decoder's biases,
    positions, and the modules of one language over all layers."""
    width, narrow = model.width, model.bottleneck
    return {
        "embeddings": vocabulary_size * (width + 1),
        "positions": model.max_positions * width,
        "modules": model.num_layers * (2 * width * narrow + narrow + width),
    }


def encoder_body_count(model: ModelConfig) -> int:
    """What fine-tuning trains, without the task's head: no embeddings (nor their LayerNorm),
    positions or modules."""
    width, inner = model.width, model.feed_forward
    attention = 4 * (width * width + width)
    feed_forward = 2 * width * inner + inner + width
    norms = 2 * 2 * width
    last = 2 * width if model.layer_norm == "pre" else 0
    return model.num_layers * (attention + feed_forward + norms) + last


def body_count(model: ModelConfig) -> int:
    """What is no one language's: with the embeddings' LayerNorm, and the masked-language head's
    dense layer and LayerNorm."""
    norm = 2 * model.width
    return norm + encoder_body_count(model) + model.width * model.width + model.width + norm
