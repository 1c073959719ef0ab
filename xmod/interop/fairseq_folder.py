"""A model as a folder that fairseq loads: checkpoint, dictionary, SentencePiece model."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from xmod.files import atomic_path, write_text_atomic
from xmod.interop.names import FAIRSEQ, foreign_state
from xmod.interop.reading import DICTIONARY, SENTENCEPIECE
from xmod.interop.shapes import (
    Exportable,
    encoder_tensors,
    head_name,
    head_tensors,
    module_codes,
)
from xmod.model.heads import MaskedLanguageModel
from xmod.tokenization.vocabulary import Vocabulary

CHECKPOINT: Final = "model.pt"
VERSION: Final = "encoder.sentence_encoder.version"
HEAD: Final = "sentence_classification_head"
"""What fairseq's fine-tuning of X-MOD calls its head."""


def write_fairseq(
    folder: Path,
    model: Exportable,
    *,
    codes: Mapping[str, str],
    vocabulary: Vocabulary,
    card: str,
    base: MaskedLanguageModel | None = None,
) -> list[Path]:
    """Write the folder and return its files.

    A fine-tuned model comes with the masked-language head of its `base`, without which fairseq
    does not load it. Raises ValueError for a head that fairseq has not: tags and spans.
    """
    if head_name(model) not in ("mlm", "sentence"):
        raise ValueError("fairseq has no head for tags or spans; export it with --to transformers")
    modules = module_codes(model.encoder, dict(codes))
    checkpoint = {
        "args": None,
        "cfg": settings(model, list(modules.values())),
        "model": tensors(model, modules, base),
        "optimizer_history": [
            {
                "criterion_name": "MaskedLmLoss",
                "optimizer_name": "FairseqAdam",
                "lr_scheduler_state": {},
                "num_updates": 0,
            }
        ],
        "extra_state": {},
        "last_optimizer_state": None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / CHECKPOINT) as temporary:
        torch.save(checkpoint, temporary)
    # fairseq counts pieces to sort its own dictionaries; it reads this one in its order.
    lines = (f"{piece} 1\n" for piece in vocabulary.pieces)
    write_text_atomic(folder / DICTIONARY, "".join(lines))
    vocabulary.save(folder / SENTENCEPIECE)
    write_text_atomic(folder / "README.md", card)
    return [folder / name for name in (CHECKPOINT, DICTIONARY, SENTENCEPIECE, "README.md")]


def settings(model: Exportable, languages: list[str]) -> dict[str, Any]:
    """fairseq's configuration, as it stores it itself: X-MOD's arguments are a namespace, since
    what it does with a mapping loses those of the modules."""
    length = model.encoder.config.max_positions
    return {
        "model": Namespace(**arguments(model, languages)),
        "task": {
            "_name": "masked_lm",
            "data": ".",
            "sample_break_mode": "complete",
            "tokens_per_sample": length,
            "mask_prob": 0.15,
            "seed": 1,
        },
        "criterion": {"_name": "masked_lm"},
        "bpe": {"_name": "sentencepiece", "sentencepiece_model": SENTENCEPIECE},
        "tokenizer": None,
    }


def arguments(model: Exportable, languages: list[str]) -> dict[str, Any]:
    """fairseq's arguments of the model; a model without modules is its RoBERTa."""
    encoder, shape = model.encoder, model.encoder.config
    is_pre = shape.layer_norm == "pre"
    has_modules = encoder.module_kind != "none"
    found: dict[str, Any] = {
        "_name": "xmod_base" if has_modules else "roberta_base",
        "arch": "xmod_base" if has_modules else "roberta_base",
        "encoder_layers": shape.num_layers,
        "encoder_embed_dim": shape.width,
        "encoder_ffn_embed_dim": shape.feed_forward,
        "encoder_attention_heads": shape.num_heads,
        "encoder_normalize_before": is_pre,
        "activation_fn": "gelu",
        "pooler_activation_fn": "tanh",
        "dropout": shape.dropout,
        "attention_dropout": shape.attention_dropout,
        "activation_dropout": 0.0,
        "pooler_dropout": shape.dropout,
        "max_positions": shape.max_positions,
        "tokens_per_sample": shape.max_positions,
        "encoder_learned_pos": True,
        "layernorm_embedding": True,
        "no_scale_embedding": True,
        "share_encoder_input_output_embed": True,
        "untie_weights_roberta": False,
    }
    if has_modules:
        found |= {
            "adapter_modules": True,
            "adapter_layer_norm": is_pre,
            "adapter_reuse_layer_norm": not is_pre,
            "ln_before_adapter": not is_pre,
            "bottleneck": encoder.config.reduction(),
            "ffn_modules": False,
            "languages": languages,
        }
    return found


def tensors(
    model: Exportable, modules: Mapping[str, str], base: MaskedLanguageModel | None
) -> dict[str, Tensor]:
    """The weights by their names there, with copies of what is tied, as fairseq stores them."""
    ours = encoder_tensors(model)
    masked = model if isinstance(model, MaskedLanguageModel) else base
    assert masked is not None
    ours |= {f"head.{name}": tensor for name, tensor in head_tensors(masked).items()}
    copies = {name: ours[own] for name, own in FAIRSEQ.copies.items()}
    # Without its version fairseq takes a checkpoint for one of 2018, and drops the last LayerNorm.
    found = foreign_state(ours, FAIRSEQ, modules) | copies | {VERSION: torch.tensor([3.0])}
    if masked is not model:
        names = {"dense": "dense", "output": "out_proj"}
        for name, tensor in head_tensors(model).items():
            layer, _, leaf = name.partition(".")
            found[f"classification_heads.{HEAD}.{names[layer]}.{leaf}"] = tensor
    # Of its own storage each: a part of a larger one would be saved with all of it.
    return {name: tensor.detach().cpu().clone() for name, tensor in found.items()}
