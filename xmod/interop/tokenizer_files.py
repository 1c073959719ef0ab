"""A vocabulary as the files of a transformers tokenizer that gives the same ids.

`tokenizer.json` says everything, normalisation included, and transformers 4 and 5 read it alike.
It is written here rather than converted by them: their own conversion of XLM-R's tokenizer differs
between the versions, and treats runs of spaces in other ways than SentencePiece does
(docs/decisions/0016-interop.md).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

from xmod.files import write_text_atomic
from xmod.interop.reading import SENTENCEPIECE
from xmod.interop.sentencepiece_model import SentencePieceModel, parse
from xmod.tokenization.vocabulary import MASK_PIECE, SPECIAL_PIECES, Vocabulary

_SPACE: Final = "▁"
_FIRST: Final = 3
"""SentencePiece's ids below it are control ids, which have places of their own here."""


def write_tokenizer(folder: Path, vocabulary: Vocabulary, *, max_positions: int) -> list[Path]:
    """Write the tokenizer's files, and the SentencePiece model itself beside them.

    Raises ValueError for a SentencePiece model that is not of unigram type.
    """
    spm = folder / SENTENCEPIECE
    vocabulary.save(spm)
    model = parse(spm.read_bytes())
    if not model.is_unigram:
        raise ValueError("the vocabulary is no unigram model of SentencePiece, as XLM-R's is")
    files = {
        "tokenizer.json": tokenizer(model, mask=vocabulary.mask),
        "tokenizer_config.json": {
            # The general class: XLM-R's own builds another tokenizer from the same file in 5.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_positions,
            "model_input_names": ["input_ids", "attention_mask"],
            "clean_up_tokenization_spaces": False,
            **_names(),
        },
        "special_tokens_map.json": _names(),
    }
    for name, content in files.items():
        write_text_atomic(folder / name, json.dumps(content, ensure_ascii=False) + "\n")
    return [spm, *(folder / name for name in files)]


def _names() -> dict[str, str]:
    start, pad, end, unknown = SPECIAL_PIECES
    return {
        **{"bos_token": start, "cls_token": start, "eos_token": end, "sep_token": end},
        **{"unk_token": unknown, "pad_token": pad, "mask_token": MASK_PIECE},
    }


def tokenizer(model: SentencePieceModel, *, mask: int) -> dict[str, Any]:
    """The content of tokenizer.json."""
    start, _, end, _ = SPECIAL_PIECES
    metaspace = {
        "type": "Metaspace",
        "replacement": _SPACE,
        "prepend_scheme": "always" if model.adds_space else "never",
        "split": True,
    }
    pieces = [[piece, 0.0] for piece in SPECIAL_PIECES]
    pieces += [[piece, score] for piece, score in model.pieces[_FIRST:]]
    pieces.append([MASK_PIECE, 0.0])
    assert len(pieces) == mask + 1
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            *(_special(id_, piece) for id_, piece in enumerate(SPECIAL_PIECES)),
            _special(mask, MASK_PIECE) | {"lstrip": True},
        ],
        "normalizer": {"type": "Sequence", "normalizers": _normalizers(model)},
        "pre_tokenizer": metaspace,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_put(start), _text("A"), _put(end)],
            "pair": [_put(start), _text("A"), _put(end), _put(end), _text("B"), _put(end)],
            "special_tokens": {
                piece: {"id": piece, "ids": [SPECIAL_PIECES.index(piece)], "tokens": [piece]}
                for piece in (start, end)
            },
        },
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": SPECIAL_PIECES.index("<unk>"),
            "vocab": pieces,
            "byte_fallback": False,
        },
    }


def _normalizers(model: SentencePieceModel) -> list[dict[str, Any]]:
    """SentencePiece's, in its order: characters first, and only then runs of spaces."""
    steps: list[dict[str, Any]] = []
    if model.charsmap:
        charsmap = base64.b64encode(model.charsmap).decode("ascii")
        # The library looks compositions up in the map only where they have up to 5 bytes, which
        # would leave Hangul and half-width kana apart; the map's NFKC composes as NFC does.
        compose = {"type": "NFC"}
        mapped = {"type": "Precompiled", "precompiled_charsmap": charsmap}
        steps += [compose, mapped, compose]
    if model.removes_extra_spaces:
        steps += [
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            {"type": "Replace", "pattern": {"Regex": "^ | $"}, "content": ""},
        ]
    return steps


def _special(id_: int, piece: str) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id_, "content": piece, **flags, "special": True}


def _put(piece: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": piece, "type_id": 0}}


def _text(name: str) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": 0}}
