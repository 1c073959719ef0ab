"""Small models with weights of their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tests.unit.shapes import LANGUAGES, VOCABULARY_SIZE, model_config
from xmod.config_section import ModuleKind
from xmod.model import MaskedLanguageModel, initialise


def small_model(
    module_kind: ModuleKind = "language",
    *,
    languages: Sequence[str] = LANGUAGES,
    seed: int = 1,
    **changes: object,
) -> MaskedLanguageModel:
    config = model_config(**changes)
    model = MaskedLanguageModel(
        config, module_kind=module_kind, languages=languages, vocabulary_size=VOCABULARY_SIZE
    )
    initialise(model, config, torch.Generator().manual_seed(seed))
    return model


def randomise(model: torch.nn.Module, seed: int = 2) -> None:
    """Every parameter away from its start, biases and LayerNorms too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)


def random_tokens(num_sequences: int, length: int, seed: int = 3) -> Tensor:
    """Ids above the special ones."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(4, VOCABULARY_SIZE, (num_sequences, length), generator=generator)
