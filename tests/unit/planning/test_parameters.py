"""The formulas of parameters against models that are built, on a device that holds no numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.unit.shapes import BASE, LANGUAGES, model_config
from xmod.config_section import ModuleKind
from xmod.model import MaskedLanguageModel, add_language, extension_state
from xmod.model import parameter_counts as real_counts
from xmod.model.finetuning import copy_to_train
from xmod.planning.parameters import (
    body_count,
    encoder_body_count,
    parameter_counts,
    part_counts,
)


def built(kind: ModuleKind, *, vocabulary_size: int = 60, **shape: Any) -> MaskedLanguageModel:
    with torch.device("meta"):
        return MaskedLanguageModel(
            model_config(**shape),
            module_kind=kind,
            languages=LANGUAGES,
            vocabulary_size=vocabulary_size,
        )


@pytest.mark.parametrize("kind", ["language", "shared", "none"])
@pytest.mark.parametrize(
    ("shape", "size"),
    [({}, 60), ({"num_layers": 1}, 7), (BASE, 250_002), ({"layer_norm": "pre"}, 60)],
)
def test_a_shape_has_the_parameters_of_its_model(
    kind: ModuleKind, shape: dict[str, Any], size: int
) -> None:
    counted = parameter_counts(
        model_config(**shape), modules=kind, num_languages=len(LANGUAGES), vocabulary_size=size
    )
    assert counted == real_counts(built(kind, vocabulary_size=size, **shape))


def test_the_papers_base_model() -> None:
    """By hand: 250,002 pieces of 768 and a bias, 512 positions, 12 layers, the head."""
    counted = parameter_counts(
        model_config(**BASE), modules="language", num_languages=60, vocabulary_size=250_002
    )
    layer = 4 * (768 * 768 + 768) + 2 * 768 * 3072 + 3072 + 768 + 4 * 768
    head = 768 * 768 + 3 * 768
    shared = 250_002 * 769 + 512 * 768 + 2 * 768 + 12 * layer + head
    module = 12 * (2 * 768 * 384 + 384 + 768)
    assert counted == (shared + 60 * module, shared, module, shared + module)
    assert counted.total == 703_795_602


@pytest.mark.parametrize("layer_norm", ["post", "pre"])
def test_what_an_added_language_and_fine_tuning_save(layer_norm: str) -> None:
    config = model_config(layer_norm=layer_norm)
    model = built("language", layer_norm=layer_norm).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(1)
    added = add_language(model, "de", 40, generator, [], ("embeddings", "positions", "modules"))
    saved = sum(tensor.numel() for tensor in extension_state(added, "de").values())
    assert saved == sum(part_counts(model_config(), 40).values())
    freezes = ("embeddings", "positions", "modules")
    trained = copy_to_train(model.encoder, freezes=freezes).parameters()
    assert encoder_body_count(config) == sum(p.numel() for p in trained if p.requires_grad)
    assert body_count(config) == encoder_body_count(config) + 32 * 32 + 5 * 32
