"""The same model in both libraries."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.shapes import Shape
from xmod.config import ModelConfig
from xmod.model import MaskedLanguageModel, initialise

DROPOUT = 0.1


def languages_of(shape: Shape) -> list[str]:
    return [f"l{index:02d}" for index in range(shape.num_languages)]


def config_of(shape: Shape, *, dropout: float = DROPOUT, **changes: Any) -> ModelConfig:
    """The shape in the words of a configuration, with `changes`."""
    parts = ("num_layers", "width", "num_heads", "feed_forward", "bottleneck")
    values = {part: getattr(shape, part) for part in parts} | changes
    return ModelConfig(size=shape.name, dropout=dropout, attention_dropout=dropout, **values)


def our_model(shape: Shape) -> MaskedLanguageModel:
    config = config_of(shape)
    model = MaskedLanguageModel(
        config,
        module_kind="language",
        languages=languages_of(shape),
        vocabulary_size=shape.vocabulary_size,
    )
    initialise(model, config, torch.Generator().manual_seed(1))
    return model


def their_model(shape: Shape, name: str, **settings: Any) -> Any:
    """transformers' model of the class `name`, with further settings of its configuration."""
    import transformers

    library: Any = transformers

    return getattr(library, name)(
        library.XmodConfig(
            vocab_size=shape.vocabulary_size,
            hidden_size=shape.width,
            num_hidden_layers=shape.num_layers,
            num_attention_heads=shape.num_heads,
            intermediate_size=shape.feed_forward,
            hidden_dropout_prob=DROPOUT,
            attention_probs_dropout_prob=DROPOUT,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            adapter_reduction_factor=shape.width // shape.bottleneck,
            adapter_reuse_layer_norm=True,
            ln_before_adapter=True,
            languages=languages_of(shape),
            **settings,
        )
    )
