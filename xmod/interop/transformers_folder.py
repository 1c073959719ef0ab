"""A model as a folder that transformers loads: configuration, weights, tokenizer, card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from xmod.files import atomic_path, write_json_atomic, write_text_atomic
from xmod.interop.names import TRANSFORMERS, foreign_state
from xmod.interop.reading import CONFIG
from xmod.interop.shapes import (
    Exportable,
    HeadName,
    encoder_tensors,
    head_name,
    head_tensors,
    module_codes,
)
from xmod.interop.tokenizer_files import write_tokenizer
from xmod.model.encoder import LAYER_NORM_EPSILON
from xmod.tokenization.vocabulary import Vocabulary

_CLASSES: Final[Mapping[HeadName, str]] = {
    "mlm": "ForMaskedLM",
    "sentence": "ForSequenceClassification",
    "token": "ForTokenClassification",
    "span": "ForQuestionAnswering",
}
_HEADS: Final[Mapping[HeadName, Mapping[str, str]]] = {
    "sentence": {"dense": "classifier.dense", "output": "classifier.out_proj"},
    "token": {"output": "classifier"},
    "span": {"output": "qa_outputs"},
}
"""Kind of head -> the names of our head's layers there."""


def write_transformers(
    folder: Path,
    model: Exportable,
    *,
    codes: Mapping[str, str],
    vocabulary: Vocabulary,
    labels: Sequence[str],
    card: str,
    shard_bytes: int,
) -> list[Path]:
    """Write the folder and return its files.

    `codes` says what each language is called there, `labels` what a task's outputs mean. Raises
    ValueError for a model that transformers has no class for.
    """
    modules = module_codes(model.encoder, dict(codes))
    content = config(model, tuple(modules.values()), labels=labels)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_weights(folder)
    weights = write_weights(folder, tensors(model, modules), shard_bytes=shard_bytes)
    write_json_atomic(folder / CONFIG, content)
    write_text_atomic(folder / "README.md", card)
    positions = model.encoder.config.max_positions
    files = write_tokenizer(folder, vocabulary, max_positions=positions)
    return [folder / CONFIG, folder / "README.md", *weights, *files]


def _remove_weights(folder: Path) -> None:
    """Of an export before this one, which may have had other shards."""
    for old in (*folder.glob("model*.safetensors"), *folder.glob("model.safetensors.index.json")):
        old.unlink()


def config(model: Exportable, languages: Sequence[str], *, labels: Sequence[str]) -> dict[str, Any]:
    """The content of config.json.

    A model without modules is an XLM-RoBERTa. What a model of several languages is given must be
    said at each call: a default would be the wrong module in silence.
    """
    encoder, shape = model.encoder, model.encoder.config
    is_pre = shape.layer_norm == "pre"
    if encoder.module_kind == "none" and is_pre:
        raise ValueError(
            "transformers has no class for a model without modules with layer_norm pre"
        )
    name = "XLMRoberta" if encoder.module_kind == "none" else "Xmod"
    content: dict[str, Any] = {
        "architectures": [f"{name}{_CLASSES[head_name(model)]}"],
        "model_type": "xlm-roberta" if encoder.module_kind == "none" else "xmod",
        "vocab_size": encoder.token_embeddings.num_embeddings,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "intermediate_size": shape.feed_forward,
        "hidden_act": "gelu",
        "hidden_dropout_prob": shape.dropout,
        "attention_probs_dropout_prob": shape.attention_dropout,
        "max_position_embeddings": shape.max_positions + 2,
        "type_vocab_size": 1,
        "initializer_range": shape.initializer_range,
        "layer_norm_eps": LAYER_NORM_EPSILON,
        "position_embedding_type": "absolute",
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }
    if encoder.module_kind != "none":
        content |= {
            "pre_norm": is_pre,
            "adapter_reduction_factor": encoder.config.reduction(),
            "adapter_layer_norm": is_pre,
            "adapter_reuse_layer_norm": not is_pre,
            "ln_before_adapter": not is_pre,
            "languages": list(languages),
            "default_language": languages[0] if len(languages) == 1 else None,
        }
    if labels:
        content["id2label"] = {str(id_): label for id_, label in enumerate(labels)}
        content["label2id"] = {label: id_ for id_, label in enumerate(labels)}
    return content


def tensors(model: Exportable, modules: Mapping[str, str]) -> dict[str, Tensor]:
    """The weights by their names there; what is tied is not in it a second time."""
    ours, head = encoder_tensors(model), head_tensors(model)
    kind = head_name(model)
    width = model.encoder.config.width
    found = {"roberta.embeddings.token_type_embeddings.weight": torch.zeros(1, width)}
    if kind == "mlm":
        ours |= {f"head.{name}": tensor for name, tensor in head.items()}
        return found | foreign_state(ours, TRANSFORMERS, modules)
    for name, tensor in head.items():
        layer, _, leaf = name.partition(".")
        found[f"{_HEADS[kind][layer]}.{leaf}"] = tensor
    return found | foreign_state(ours, TRANSFORMERS, modules)


def write_weights(folder: Path, weights: Mapping[str, Tensor], *, shard_bytes: int) -> list[Path]:
    """`model.safetensors`, or shards of at most so many bytes with an index, as transformers has
    them; a tensor that is larger has a shard of its own."""
    shards = list(_shards(weights, shard_bytes))
    names = ["model.safetensors"]
    if len(shards) > 1:
        total = len(shards)
        names = [f"model-{number:05d}-of-{total:05d}.safetensors" for number in range(1, total + 1)]
    for name, shard in zip(names, shards, strict=True):
        whole = {key: tensor.detach().cpu().contiguous() for key, tensor in shard.items()}
        with atomic_path(folder / name) as temporary:
            save_file(whole, temporary, metadata={"format": "pt"})
    files = [folder / name for name in names]
    if len(shards) > 1:
        places = {key: name for name, shard in zip(names, shards, strict=True) for key in shard}
        size = sum(tensor.nbytes for tensor in weights.values())
        index = folder / "model.safetensors.index.json"
        write_json_atomic(index, {"metadata": {"total_size": size}, "weight_map": places})
        files.append(index)
    return files


def _shards(weights: Mapping[str, Tensor], shard_bytes: int) -> Iterator[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    size = 0
    for name, tensor in weights.items():
        if shard and size + tensor.nbytes > shard_bytes:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor
        size += tensor.nbytes
    yield shard
