"""Our names in fairseq's places; that the models compute the same is in tests/workflow."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.unit.model.helpers import small_model
from xmod.config_section import ModuleKind
from xmod.engines.fairseq_weights import HEAD, as_ours, fairseq_names, has_task
from xmod.interop.names import UNUSED_POSITIONS
from xmod.model.task_heads import TaskModel


@pytest.mark.parametrize("kind", ["language", "shared", "none"])
def test_every_parameter_has_a_place_of_its_own(kind: ModuleKind) -> None:
    ours = small_model(kind)
    tasks = [TaskModel(ours.encoder, kind=head, num_outputs=3) for head in ("sentence", "token")]
    for one in (ours, *tasks):
        names = [
            their_name
            for name, _ in one.named_parameters()
            for their_name in fairseq_names(name, is_task=has_task(one))
        ]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("encoder.token_embeddings.weight", "encoder.sentence_encoder.embed_tokens.weight"),
        (
            "encoder.layers.1.language_modules.by_name.for_to.up.bias",
            "encoder.sentence_encoder.layers.1.adapter_modules.for_to.fc2.bias",
        ),
        (
            "encoder.layers.0.output_norm.bias",
            "encoder.sentence_encoder.layers.0.final_layer_norm.bias",
        ),
        ("head.dense.weight", "encoder.lm_head.dense.weight"),
        ("head.decoder_bias", "encoder.lm_head.bias"),
    ],
)
def test_names_are_those_of_released_checkpoints(ours: str, theirs: str) -> None:
    assert fairseq_names(ours, is_task=False) == (theirs,)


def test_a_task_has_a_head_of_its_own() -> None:
    place = f"classification_heads.{HEAD}"
    for ours, theirs in (("dense", "dense"), ("output", "out_proj")):
        assert fairseq_names(f"head.{ours}.bias", is_task=True) == (f"{place}.{theirs}.bias",)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        fairseq_names("encoder.layers.0.rotary.weight", is_task=False)


def test_queries_keys_and_values_lie_one_below_the_other() -> None:
    layer = "encoder.sentence_encoder.layers.0.self_attn"
    theirs: dict[str, Tensor] = {
        f"{layer}.{part}_proj.weight": torch.full((2, 2), float(number))
        for number, part in enumerate("qkv")
    }
    fused = as_ours("encoder.layers.0.query_key_value.weight", theirs, is_task=False)
    assert fused[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_fairseq_has_two_more_positions() -> None:
    name = "encoder.sentence_encoder.embed_positions.weight"
    theirs = {name: torch.arange(12.0)[:, None]}
    found = as_ours("encoder.position_embeddings.weight", theirs, is_task=False)
    assert found.flatten().tolist() == list(range(UNUSED_POSITIONS, 12))
