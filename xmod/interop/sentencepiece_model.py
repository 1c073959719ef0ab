"""What a SentencePiece model's file says, and its processor does not tell: scores, normalisation.

The file is a protocol buffer. Its few fields that are wanted are read here, so that the protobuf
package is not needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5


@dataclass(frozen=True, kw_only=True)
class SentencePieceModel:
    """The parts of sentencepiece_model.proto that decide how text becomes pieces."""

    pieces: tuple[tuple[str, float], ...]
    """Every piece and its score, by SentencePiece's ids."""
    is_unigram: bool
    charsmap: bytes
    """Its normalisation, compiled; empty for none."""
    removes_extra_spaces: bool
    adds_space: bool
    """Before the first word."""


def parse(model: bytes) -> SentencePieceModel:
    """Read a model's bytes; raises ValueError where they are cut short."""
    pieces = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    for field, value in _fields(model):
        if field == 1 and isinstance(value, bytes):
            piece = dict(_fields(value))
            text, score = piece.get(1, b""), piece.get(2, b"\0\0\0\0")
            assert isinstance(text, bytes)
            assert isinstance(score, bytes)
            pieces.append((text.decode("utf-8"), float(struct.unpack("<f", score)[0])))
        elif field == 2 and isinstance(value, bytes):
            trainer = dict(_fields(value))
        elif field == 3 and isinstance(value, bytes):
            normalizer = dict(_fields(value))
    charsmap = normalizer.get(2, b"")
    assert isinstance(charsmap, bytes)
    return SentencePieceModel(
        pieces=tuple(pieces),
        is_unigram=trainer.get(3, 1) == 1,
        charsmap=charsmap,
        removes_extra_spaces=normalizer.get(4, 1) == 1,
        adds_space=normalizer.get(3, 1) == 1,
    )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: a whole number, or the bytes of what is none."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            number, at = _varint(message, at)
            yield field, number
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"no SentencePiece model: a field of kind {kind} at byte {at}")
        if at + size > len(message):
            raise ValueError(f"no whole SentencePiece model: it ends within field {field}")
        yield field, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, and where the next field begins."""
    number = shift = 0
    while at < len(message):
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
    raise ValueError("no whole SentencePiece model: it ends within a number")
