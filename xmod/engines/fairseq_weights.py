"""Our weights in fairseq's places, and back.

Both models have the same ones, but for two things: queries, keys and values are three matrices in
fairseq and one here, and its positions begin at row 2 (docs/fairseq.md has the table of names).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

POSITION_OFFSET = 2
"""fairseq counts positions from its padding id (1) on, and gives them from the next."""
HEAD = "task"
"""What the head of a fine-tuned model is called in `classification_heads`."""

_ENCODER = "encoder.sentence_encoder"
_WHOLE = {
    "encoder.token_embeddings": f"{_ENCODER}.embed_tokens",
    "encoder.position_embeddings": f"{_ENCODER}.embed_positions",
    "encoder.embedding_norm": f"{_ENCODER}.layernorm_embedding",
    "head.norm": "encoder.lm_head.layer_norm",
    "head.output": f"classification_heads.{HEAD}.out_proj",
}
_LAYER = {
    "attention_output": "self_attn.out_proj",
    "attention_norm": "self_attn_layer_norm",
    "feed_forward_in": "fc1",
    "feed_forward_out": "fc2",
    "output_norm": "final_layer_norm",
}
_MODULE = {"down": "fc1", "up": "fc2"}


def fairseq_names(name: str, *, is_task: bool) -> tuple[str, ...]:
    """fairseq's parameters that our parameter `name` is: one, or three one below the other.

    `is_task` says that the head is a task's, not that of the masked language model. Raises
    KeyError for a name that is no parameter of ours.
    """
    owner, _, leaf = name.rpartition(".")
    if name == "head.decoder_bias":
        return ("encoder.lm_head.bias",)
    if owner == "head.dense":
        place = f"classification_heads.{HEAD}" if is_task else "encoder.lm_head"
        return (f"{place}.dense.{leaf}",)
    if owner in _WHOLE:
        return (f"{_WHOLE[owner]}.{leaf}",)
    _, _, index, *path = owner.split(".")
    layer = f"{_ENCODER}.layers.{index}"
    match path:
        case ["query_key_value"]:
            return tuple(f"{layer}.self_attn.{part}_proj.{leaf}" for part in "qkv")
        case ["language_modules", "by_name", key, part]:
            return (f"{layer}.adapter_modules.{key}.{_MODULE[part]}.{leaf}",)
        case [part]:
            return (f"{layer}.{_LAYER[part]}.{leaf}",)
    raise KeyError(name)


def as_ours(name: str, theirs: Mapping[str, Tensor], *, is_task: bool) -> Tensor:
    """Our parameter `name`, of fairseq's by name; of gradients just as well."""
    parts = [
        _rows(their_name, theirs[their_name]) for their_name in fairseq_names(name, is_task=is_task)
    ]
    return torch.cat(parts) if len(parts) > 1 else parts[0]


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
        for their_name, rows in zip(names, parameter.chunk(len(names)), strict=True):
            _rows(their_name, named[their_name]).copy_(rows)
            named[their_name].requires_grad_(parameter.requires_grad)


@torch.no_grad()
def take_from_fairseq(theirs: nn.Module, ours: nn.Module) -> None:
    """The other way round: our model gets the weights that fairseq has trained."""
    named = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        parameter.copy_(as_ours(name, named, is_task=has_task(ours)))


def has_task(ours: nn.Module) -> bool:
    """Whether its head is a task's."""
    return not hasattr(ours.get_submodule("head"), "decoder_bias")


def _rows(name: str, value: Tensor) -> Tensor:
    return value[POSITION_OFFSET:] if name == f"{_ENCODER}.embed_positions.weight" else value
