"""What our parameters are called in fairseq and in transformers: the one map for both ways.

Shapes: D width, P positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

UNUSED_POSITIONS: Final = 2
"""Rows before the first position there: theirs count from the padding's id, 1, plus 1."""
_POSITIONS: Final = "encoder.position_embeddings.weight"
_LAYER: Final = re.compile(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_MODULE: Final = re.compile(r"language_modules\.by_name\.for_(\w+)\.(down|up)")


@dataclass(frozen=True, kw_only=True)
class Style:
    """The names of one library. Places are filled by `{layer}`, `{code}` (a language's) and
    `{side}` (of a module)."""

    name: str
    whole: Mapping[str, str]
    """What every model has once."""
    layer: str
    """What stands before a part of a layer."""
    parts: Mapping[str, str]
    projections: tuple[str, str, str]
    """Queries, keys and values, which lie side by side in ours."""
    module: str
    sides: Mapping[str, str]
    copies: Mapping[str, str]
    """Tied tensors, which are stored again: their name -> ours."""


_ENCODER: Final = "encoder.sentence_encoder."

FAIRSEQ: Final = Style(
    name="fairseq",
    whole={
        "encoder.token_embeddings.weight": f"{_ENCODER}embed_tokens.weight",
        _POSITIONS: f"{_ENCODER}embed_positions.weight",
        "encoder.embedding_norm.weight": f"{_ENCODER}layernorm_embedding.weight",
        "encoder.embedding_norm.bias": f"{_ENCODER}layernorm_embedding.bias",
        "encoder.final_norm.weight": f"{_ENCODER}layer_norm.weight",
        "encoder.final_norm.bias": f"{_ENCODER}layer_norm.bias",
        "head.dense.weight": "encoder.lm_head.dense.weight",
        "head.dense.bias": "encoder.lm_head.dense.bias",
        "head.norm.weight": "encoder.lm_head.layer_norm.weight",
        "head.norm.bias": "encoder.lm_head.layer_norm.bias",
        "head.decoder_bias": "encoder.lm_head.bias",
    },
    layer=f"{_ENCODER}layers.{{layer}}.",
    parts={
        "attention_output": "self_attn.out_proj",
        "attention_norm": "self_attn_layer_norm",
        "feed_forward_in": "fc1",
        "feed_forward_out": "fc2",
        "output_norm": "final_layer_norm",
        "module_norm": "adapter_layer_norm",
    },
    projections=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    module="adapter_modules.{code}.{side}",
    sides={"down": "fc1", "up": "fc2"},
    copies={"encoder.lm_head.weight": "encoder.token_embeddings.weight"},
)

TRANSFORMERS: Final = Style(
    name="transformers",
    whole={
        "encoder.token_embeddings.weight": "roberta.embeddings.word_embeddings.weight",
        _POSITIONS: "roberta.embeddings.position_embeddings.weight",
        "encoder.embedding_norm.weight": "roberta.embeddings.LayerNorm.weight",
        "encoder.embedding_norm.bias": "roberta.embeddings.LayerNorm.bias",
        "encoder.final_norm.weight": "roberta.encoder.LayerNorm.weight",
        "encoder.final_norm.bias": "roberta.encoder.LayerNorm.bias",
        "head.dense.weight": "lm_head.dense.weight",
        "head.dense.bias": "lm_head.dense.bias",
        "head.norm.weight": "lm_head.layer_norm.weight",
        "head.norm.bias": "lm_head.layer_norm.bias",
        "head.decoder_bias": "lm_head.bias",
    },
    layer="roberta.encoder.layer.{layer}.",
    parts={
        "attention_output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "feed_forward_in": "intermediate.dense",
        "feed_forward_out": "output.dense",
        "output_norm": "output.LayerNorm",
        "module_norm": "output.adapter_layer_norm",
    },
    projections=("attention.self.query", "attention.self.key", "attention.self.value"),
    module="output.adapter_modules.{code}.{side}",
    sides={"down": "dense1", "up": "dense2"},
    copies={
        "lm_head.decoder.weight": "encoder.token_embeddings.weight",
        "lm_head.decoder.bias": "head.decoder_bias",
    },
)


def foreign_names(name: str, style: Style, codes: Mapping[str, str]) -> tuple[str, ...]:
    """What our parameter is called there: one name, or three for queries, keys and values.

    `codes` gives the language's code there for each module. Raises KeyError for a name that
    no model of ours has, or a module that `codes` lacks.
    """
    match = _LAYER.fullmatch(name)
    if match is None:
        return (style.whole[name],)
    layer, part, leaf = match.groups()
    before = style.layer.format(layer=layer)
    if part == "query_key_value":
        return tuple(f"{before}{one}.{leaf}" for one in style.projections)
    if module := _MODULE.fullmatch(part):
        language, side = module.groups()
        inside = style.module.format(code=codes[language], side=style.sides[side])
        return (f"{before}{inside}.{leaf}",)
    return (f"{before}{style.parts[part]}.{leaf}",)


def to_foreign(name: str, ours: Tensor, num_parts: int) -> tuple[Tensor, ...]:
    """Our parameter as the tensors that stand for it there."""
    if name == _POSITIONS:
        unused_2D = ours.new_zeros(UNUSED_POSITIONS, ours.shape[1])
        return (torch.cat([unused_2D, ours]),)
    return tuple(ours.chunk(num_parts))


def from_foreign(name: str, theirs: list[Tensor]) -> Tensor:
    """Our parameter, from the tensors that stand for it there; a copy in float32."""
    if name == _POSITIONS:
        (positions_PD,) = theirs
        return positions_PD[UNUSED_POSITIONS:].to(torch.float32, copy=True)
    if len(theirs) == 1:
        return theirs[0].to(torch.float32, copy=True)
    return torch.cat(theirs).to(torch.float32)


def foreign_shape(name: str, ours: torch.Size, num_parts: int) -> tuple[int, ...]:
    """The shape of each tensor that stands for our parameter there."""
    first, *rest = ours
    return (first + UNUSED_POSITIONS if name == _POSITIONS else first // num_parts, *rest)


def foreign_state(
    ours: Mapping[str, Tensor], style: Style, codes: Mapping[str, str]
) -> dict[str, Tensor]:
    """The parameters of an encoder (`encoder.`) and masked-language head (`head.`) there.

    Tied tensors are not in it a second time.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in ours.items():
        names = foreign_names(name, style, codes)
        found.update(zip(names, to_foreign(name, tensor, len(names)), strict=True))
    return found
