"""Shapes of models that tests share; no tensors."""

from __future__ import annotations

from xmod.config import ModelConfig

LANGUAGES = ("en", "sw", "to")
VOCABULARY_SIZE = 60
BASE = {
    "num_layers": 12,
    "width": 768,
    "num_heads": 12,
    "feed_forward": 3072,
    "bottleneck": 384,
    "max_positions": 512,
}
"""The paper's."""


def model_config(**changes: object) -> ModelConfig:
    """A toy's shape, with `changes`."""
    values: dict[str, object] = {
        "size": "test",
        "num_layers": 2,
        "width": 32,
        "num_heads": 4,
        "feed_forward": 48,
        "bottleneck": 16,
        "max_positions": 24,
    }
    return ModelConfig.model_validate({**values, **changes})
