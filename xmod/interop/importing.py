"""A released model as one of ours: every tensor, setting, language code and id is checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

import torch
from torch import Tensor

from xmod.config import ModelConfig
from xmod.interop.errors import ForeignModelError
from xmod.interop.names import FAIRSEQ, UNUSED_POSITIONS, foreign_names, foreign_shape, from_foreign
from xmod.interop.reading import DICTIONARY, ForeignModel
from xmod.model.encoder import LAYER_NORM_EPSILON
from xmod.model.heads import MaskedLanguageModel
from xmod.tokenization.vocabulary import FIRST_PIECE, Vocabulary

_UNUSED: Final = re.compile(
    r"(.*\.)?(version|_float_tensor|position_ids)"
    r"|classification_heads\..*|roberta\.pooler\..*|.*\.token_type_embeddings\.weight"
    # What the fast path of fairseq 0.12.2 would compute with, once it is loaded.
    r"|.*\.layers\.\d+\.(in_proj|out_proj|fc1|fc2)_(weight|bias)"
)
"""Names of tensors that a model may have and ours has not."""


def import_model(
    found: ForeignModel,
    config: ModelConfig,
    *,
    codes: Mapping[str, str],
    vocabulary: Vocabulary,
) -> MaskedLanguageModel:
    """The model of the languages in `codes`, which says what each is called there.

    Modules of other languages are left out. Raises ForeignModelError at the first thing that
    does not fit: a language, a setting, a tensor, or the order of ids.
    """
    _check_languages(found, codes)
    _check_settings(found, config)
    _check_dictionary(found, vocabulary)
    with torch.device("meta"):
        model = MaskedLanguageModel(
            config,
            module_kind="language",
            languages=tuple(codes),
            vocabulary_size=vocabulary.size,
        )
    state: dict[str, Tensor] = {}
    used: set[str] = set()
    for name, empty in model.state_dict().items():
        names = foreign_names(name, found.style, codes)
        shape = foreign_shape(name, empty.shape, len(names))
        state[name] = from_foreign(name, [_tensor(found, one, shape) for one in names])
        used.update(names)
    _check_rest(found, used, state)
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(True)


def languages_of(found: ForeignModel) -> list[str]:
    """The codes of the modules that it has, in their order."""
    before = f"{found.style.layer.format(layer=0)}{found.style.module.partition('{')[0]}"
    inside = (name[len(before) :] for name in found.tensors if name.startswith(before))
    return list(dict.fromkeys(name.partition(".")[0] for name in inside))


def _check_languages(found: ForeignModel, codes: Mapping[str, str]) -> None:
    has = languages_of(found)
    listed = ", ".join(has) or "none"
    missing = [f"{code} ({iso})" for iso, code in codes.items() if code not in has]
    if missing:
        raise ForeignModelError(
            f"{found.path} has no module for {', '.join(missing)}; it has {listed}"
        )


def _check_settings(found: ForeignModel, config: ModelConfig) -> None:
    """What no tensor's shape tells; what is not said there cannot be held against it."""
    is_pre = config.layer_norm == "pre"
    if found.style is FAIRSEQ:
        wanted: dict[str, Any] = {
            "encoder_attention_heads": config.num_heads,
            "encoder_normalize_before": is_pre,
            "activation_fn": "gelu",
        }
    else:
        wanted = {
            "num_attention_heads": config.num_heads,
            "pre_norm": is_pre,
            "hidden_act": "gelu",
            "layer_norm_eps": LAYER_NORM_EPSILON,
            "position_embedding_type": "absolute",
        }
    wanted |= {
        "adapter_layer_norm": is_pre,
        "adapter_reuse_layer_norm": not is_pre,
        "ln_before_adapter": not is_pre,
    }
    for key, value in wanted.items():
        if key in found.settings and found.settings[key] != value:
            raise ForeignModelError(
                f"{found.path}: its {key} is {found.settings[key]!r}, wanted {value!r}, by "
                f"model.size {config.size!r} (num_heads {config.num_heads}, "
                f"layer_norm {config.layer_norm!r})"
            )


def _check_dictionary(found: ForeignModel, vocabulary: Vocabulary) -> None:
    """That fairseq's ids are the vocabulary's: its list has a line for each from 4 on."""
    if found.dictionary is not None:
        pieces = zip_longest(_pieces(found), vocabulary.pieces)
        for id_, (theirs, ours) in enumerate(pieces, start=FIRST_PIECE):
            if theirs != ours:
                raise ForeignModelError(
                    f"{found.path}, {DICTIONARY}: id {id_} is {theirs!r}, but {ours!r} in the "
                    "vocabulary; it needs the SentencePiece model that came with it"
                )
    if found.sentencepiece is not None:
        beside = Vocabulary.open(found.sentencepiece)
        if beside.fingerprint != vocabulary.fingerprint and beside.pieces != vocabulary.pieces:
            raise ForeignModelError(
                f"{found.path} comes with another SentencePiece model than the vocabulary: "
                f"{beside.size} ids where that has {vocabulary.size}, or in another order; name "
                f"the file beside it in vocabulary.model"
            )


def _pieces(found: ForeignModel) -> Iterator[str]:
    assert found.dictionary is not None
    with found.dictionary.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield line.rstrip("\n").rpartition(" ")[0]


def _tensor(found: ForeignModel, name: str, shape: tuple[int, ...]) -> Tensor:
    tensor = found.tensors.get(name)
    if tensor is None:
        raise ForeignModelError(f"{found.path} lacks the tensor {name} {shape}")
    if tuple(tensor.shape) != shape:
        raise ForeignModelError(
            f"{found.path}: its tensor {name} is {tuple(tensor.shape)}, wanted {shape}"
            f"{_hint(name, tensor, shape)}"
        )
    if not tensor.is_floating_point():
        raise ForeignModelError(f"{found.path}: its tensor {name} holds {tensor.dtype}, no weights")
    return tensor


def _hint(name: str, tensor: Tensor, shape: tuple[int, ...]) -> str:
    if "embed" not in name or tensor.dim() != 2 or tensor.shape[1] != shape[1]:
        return "; compare the keys under sizes"
    if "position" in name:
        return f"; model.max_positions would be {len(tensor) - UNUSED_POSITIONS}"
    return f"; it needs a vocabulary of {len(tensor)} ids"


def _check_rest(found: ForeignModel, used: set[str], state: Mapping[str, Tensor]) -> None:
    """That what is not read is another language's, tied, or of no weight here."""
    inside = found.style.module.partition("{")[0]
    for name, tensor in found.tensors.items():
        if name in used or f".{inside}" in name:
            continue
        if (copied := found.style.copies.get(name)) is not None:
            if not torch.equal(tensor.float(), state[copied]):
                raise ForeignModelError(
                    f"{found.path}: its tensor {name} is not tied to the embeddings, as ours is"
                )
        elif not _UNUSED.fullmatch(name):
            raise ForeignModelError(
                f"{found.path} has the tensor {name} {tuple(tensor.shape)}, which is not part of "
                "the model that is wanted"
            )
        elif "token_type_embeddings" in name and tensor.count_nonzero():
            raise ForeignModelError(f"{found.path}: its tensor {name} is not zero; ours has none")
