"""Small models with random weights and a vocabulary, and what they are in the other libraries.

The names here are written out, by hand and from the libraries' own code: a second map to hold the
package's against.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.unit.model.helpers import randomise
from tests.unit.shapes import model_config
from tests.unit.tokenization.texts import train, write_text
from xmod.config_section import ModuleKind
from xmod.model import MaskedLanguageModel, Segment, initialise
from xmod.model.task_heads import HeadKind, TaskModel
from xmod.tokenization.vocabulary import Vocabulary

CODES = {"en": "en_XX", "sw": "sw_KE", "to": "to_XX"}
SHAPES: dict[str, dict[str, Any]] = {
    "base": {"layer_norm": "post", "bottleneck": 16},
    "large": {"layer_norm": "pre", "bottleneck": 8},
}
"""Of the two kinds of released checkpoints: width halved, or quartered, in modules."""
HoldScores = Callable[[Tensor, Tensor], None]
"""Holds found scores against the wanted ones."""
SEGMENTS = [Segment("to", 2), Segment("en", 1), Segment("sw", 2)]
LENGTHS = torch.tensor([20, 3, 11, 1, 17])


def small_vocabulary(folder: Path) -> Vocabulary:
    return train(write_text(folder / "train.txt", seed=1))


def random_model(
    vocabulary: Vocabulary, shape: str = "base", kind: ModuleKind = "language", **changes: Any
) -> MaskedLanguageModel:
    config = model_config(**{**SHAPES[shape], **changes})
    model = MaskedLanguageModel(
        config, module_kind=kind, languages=tuple(CODES), vocabulary_size=vocabulary.size
    )
    initialise(model, config, torch.Generator().manual_seed(1))
    randomise(model)
    return model.eval()


def with_head(model: MaskedLanguageModel, kind: HeadKind) -> TaskModel:
    outputs = {"sentence": 3, "token": 7, "span": 2}
    task = TaskModel(model.encoder, kind=kind, num_outputs=outputs[kind])
    randomise(task.head, seed=4)
    return task.eval()


def batch(vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """Sequences of several lengths, padded (5, 20), and which of it is text."""
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(4, vocabulary.mask, (5, 20), generator=generator)
    is_text = torch.arange(20) < LENGTHS[:, None]
    tokens[~is_text] = 1
    return tokens, is_text


def fairseq_checkpoint(model: MaskedLanguageModel, *, trained: bool = False) -> dict[str, Any]:
    """What fairseq saves of a model with these weights, as far as anything reads it; where its
    trainer `trained` it, with what that adds."""
    before = "encoder.sentence_encoder."
    ours = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    width = model.encoder.config.width
    whole = {
        "embed_tokens.weight": ours["encoder.token_embeddings.weight"],
        "embed_positions.weight": torch.cat(
            [torch.zeros(2, width), ours["encoder.position_embeddings.weight"]]
        ),
        "version": torch.tensor([3.0]),
    }
    norms = {"layernorm_embedding": "embedding_norm"}
    if model.encoder.config.layer_norm == "pre":
        norms["layer_norm"] = "final_norm"
    for leaf in ("weight", "bias"):
        whole |= {f"{a}.{leaf}": ours[f"encoder.{b}.{leaf}"] for a, b in norms.items()}
        for index in range(model.encoder.config.num_layers):
            layer = _fairseq_layer(ours, f"encoder.layers.{index}.", leaf)
            whole |= {f"layers.{index}.{name}.{leaf}": one for name, one in layer.items()}
    state = {before + name: tensor for name, tensor in whole.items()}
    state["encoder.lm_head.weight"] = ours["encoder.token_embeddings.weight"]
    state["encoder.lm_head.bias"] = ours["head.decoder_bias"]
    for leaf in ("weight", "bias"):
        state[f"encoder.lm_head.dense.{leaf}"] = ours[f"head.dense.{leaf}"]
        state[f"encoder.lm_head.layer_norm.{leaf}"] = ours[f"head.norm.{leaf}"]
    arguments = Namespace(arch="xmod_base_13", encoder_attention_heads=4, activation_fn="gelu")
    for index in range(model.encoder.config.num_layers) if trained else ():
        for name in ("in_proj", "out_proj", "fc1", "fc2"):
            state[f"{before}layers.{index}.{name}_weight"] = torch.zeros(2, 3)
            state[f"{before}layers.{index}.{name}_bias"] = torch.zeros(2)
    return {
        "args": None,
        "cfg": {"_name": None, "model": arguments},
        "model": {name: tensor.clone() for name, tensor in state.items()},
        "optimizer_history": [{"num_updates": 125_000}],
        "extra_state": {"epoch": 3},
        "last_optimizer_state": None,
    }


def _fairseq_layer(ours: Mapping[str, Tensor], layer: str, leaf: str) -> dict[str, Tensor]:
    names = {
        "self_attn.out_proj": "attention_output",
        "self_attn_layer_norm": "attention_norm",
        "fc1": "feed_forward_in",
        "fc2": "feed_forward_out",
        "final_layer_norm": "output_norm",
        "adapter_layer_norm": "module_norm",
        **{
            f"adapter_modules.{code}.{theirs}": f"language_modules.by_name.for_{iso}.{mine}"
            for iso, code in CODES.items()
            for theirs, mine in (("fc1", "down"), ("fc2", "up"))
        },
    }
    found = {
        theirs: ours[f"{layer}{mine}.{leaf}"]
        for theirs, mine in names.items()
        if f"{layer}{mine}.{leaf}" in ours
    }
    parts: Sequence[Tensor] = ours[f"{layer}query_key_value.{leaf}"].chunk(3)
    for name, part in zip("qkv", parts, strict=True):
        found[f"self_attn.{name}_proj"] = part
    return found


def equal(one: MaskedLanguageModel, other: MaskedLanguageModel) -> bool:
    """Bit for bit."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
