"""A SentencePiece vocabulary with XLM-R's ids.

`<s>` 0, `<pad>` 1, `</s>` 2, `<unk>` 3; from id 3 on a piece is its SentencePiece id + 1; `<mask>`
is last. So a model of N SentencePiece ids makes a vocabulary of N + 2 (XLM-R: 250,000 and 250,002;
Conneau et al. 2020, as fairseq and transformers number it).

Shapes: n lines, T tokens of all lines together, C characters of a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Final

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from xmod.files import atomic_path

START: Final = 0
PAD: Final = 1
END: Final = 2
UNKNOWN: Final = 3
FIRST_PIECE: Final = 4
"""Ids below it, and `<mask>`, are special."""
SPECIAL_PIECES: Final = ("<s>", "<pad>", "</s>", "<unk>")
MASK_PIECE: Final = "<mask>"

_CONTROL_IDS: Final = {"unk": 0, "bos": 1, "eos": 2, "pad": -1}
"""What a SentencePiece model must say of itself for XLM-R's ids to fit: its default."""

_FEW_LINES: Final = 64
_SPACE: Final = "▁"
_SPACES: Final = (
    *(0x09, 0x0A, 0x0C, 0x0D, 0x20, 0xA0, 0x61C, 0x1680, *range(0x2000, 0x200D), 0x200E, 0x200F),
    *(0x2028, 0x2029, 0x202F, 0x205F, 0x2581, 0x3000, 0xFEFF, 0xFFFD),
)
_DROPPED: Final = (*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F)
"""Code points that SentencePiece's normalisation (nmt_nfkc) makes spaces, and that it drops."""

Ids = NDArray[np.int32]
Spans = NDArray[np.int32]
"""(T, 2): where each token's characters begin and end."""


class VocabularyError(ValueError):
    """A SentencePiece model is missing, broken or numbered otherwise."""


class Vocabulary:
    """A SentencePiece model seen through XLM-R's ids."""

    def __init__(self, model: bytes, *, origin: str) -> None:
        """Read a model's bytes; `origin` names it in errors.

        Raises VocabularyError when the bytes are no SentencePiece model, or its control ids or
        its first pieces are not where XLM-R's ids need them.
        """
        self._model = model
        self._processor = _load(model, origin)
        self.fingerprint: str = hashlib.sha256(model).hexdigest()
        """The SHA-256 of the model's bytes: equal exactly for the same vocabulary."""
        self.size: int = self._processor.get_piece_size() + 2
        """Number of ids: the embedding's rows."""
        self.mask: int = self.size - 1
        """The id of `<mask>`."""
        self._from_sentencepiece: Ids = np.arange(1, self.size - 1, dtype=np.int32)
        self._from_sentencepiece[:3] = (UNKNOWN, START, END)

    @classmethod
    def open(cls, path: Path) -> Vocabulary:
        """Read a model file; raises VocabularyError, naming the file, when it does not fit."""
        try:
            model = Path(path).read_bytes()
        except OSError as error:
            raise VocabularyError(
                f"{path}: cannot read the SentencePiece model ({error.strerror}); "
                f"make it with `python -m xmod.train_vocabulary`, or correct vocabulary.model"
            ) from error
        return cls(model, origin=str(path))

    def save(self, path: Path) -> None:
        """Write the model's bytes, whole or not at all."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(self._model)

    def encode(self, lines: Sequence[str], *, num_threads: int = 1) -> list[Ids]:
        """The ids of each line, without `<s>` and `</s>`."""
        ids, lengths = self.encode_flat(lines, num_threads=num_threads)
        return np.split(ids, np.cumsum(lengths)[:-1]) if len(lines) else []

    def encode_flat(
        self, lines: Sequence[str], *, num_threads: int = 1
    ) -> tuple[Ids, NDArray[np.int64]]:
        """The ids of all lines one after another (T,) and each line's number of ids (n,)."""
        is_short = len(lines) < _FEW_LINES
        encode = partial(self._processor.encode, out_type="numpy")  # lists would be copied id by id
        if num_threads == 1 and is_short:  # a list starts a thread: more than a short line costs
            encoded = [encode(line) for line in lines]
        else:
            encoded = encode(list(lines), num_threads=num_threads)
        lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
        flat = np.concatenate(encoded) if encoded else np.empty(0, dtype=np.int32)
        return self._from_sentencepiece[flat], lengths

    def encode_with_spans(self, text: str) -> tuple[Ids, Spans]:
        """The ids of one text (T,) and the characters that each stands for (T, 2).

        Characters are code points of `text` as it is, before SentencePiece normalises it, and
        spaces belong to no token. A lone `▁` stands for nothing: its span is empty. Where one
        character becomes several pieces (½ is 1, ⁄ and 2), each of them stands for it.
        """
        encoded = self._processor.encode(text, out_type="offset_mapping")
        ids = self._from_sentencepiece[np.array(encoded["ids"], dtype=np.int32)]
        spans = np.array(encoded["offsets"], dtype=np.int32).reshape(-1, 2)
        lone = np.array([not piece.strip(_SPACE) for piece in encoded["pieces"]], dtype=bool)
        return ids, _visible(spans, lone, text)

    def piece(self, id_: int) -> str:
        """The piece of an id, as text; raises ValueError for an id outside the vocabulary."""
        if not 0 <= id_ < self.size:
            raise ValueError(f"id {id_} is not in this vocabulary: it has 0 to {self.size - 1}")
        if id_ == self.mask:
            return MASK_PIECE
        return SPECIAL_PIECES[id_] if id_ < FIRST_PIECE else self.pieces[id_ - FIRST_PIECE]

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The pieces of ids FIRST_PIECE ... mask - 1, in order: all that are not special."""
        count = self._processor.get_piece_size()
        return tuple(self._processor.id_to_piece(list(range(FIRST_PIECE - 1, count))))

    def __repr__(self) -> str:
        return f"Vocabulary(size={self.size}, fingerprint={self.fingerprint[:12]!r})"


def _visible(spans: Spans, lone: NDArray[np.bool_], text: str) -> Spans:
    """SentencePiece's spans (T, 2) without spaces, and none empty but those of a lone `▁`.

    SentencePiece gives a space to the piece after it, and the whole width of a character to the
    last of its pieces.
    """
    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")  # (C,)
    shown = ~_hidden_table()[np.minimum(codes, 2**16 - 1)]
    places = np.arange(len(codes), dtype=np.int32)
    next_shown = np.full(len(codes) + 1, len(codes), dtype=np.int32)
    next_shown[:-1] = np.minimum.accumulate(np.where(shown, places, len(codes))[::-1])[::-1]
    shown_until = np.zeros(len(codes) + 1, dtype=np.int32)
    shown_until[1:] = np.maximum.accumulate(np.where(shown, places + 1, 0))
    begin = next_shown[spans[:, 0]]
    end = np.maximum(shown_until[spans[:, 1]], begin)
    end += (end == begin) & ~lone & (begin < len(codes))
    return np.stack([begin, end], axis=1)


@cache
def _hidden_table() -> NDArray[np.bool_]:
    """Whether a code point below 2**16 is a space or dropped; none above is."""
    table = np.zeros(2**16, dtype=bool)
    table[[*_SPACES, *_DROPPED]] = True
    return table


def _load(model: bytes, origin: str) -> sentencepiece.SentencePieceProcessor:
    """Parse and check; SentencePiece's own messages name neither the file nor the remedy."""
    processor = sentencepiece.SentencePieceProcessor()
    try:
        if not processor.LoadFromSerializedProto(model):
            raise RuntimeError("not accepted")
    except RuntimeError as error:
        raise VocabularyError(
            f"{origin}: not a whole SentencePiece model ({len(model)} bytes); "
            f"copy it or train it again"
        ) from error
    found = {name: getattr(processor, f"{name}_id")() for name in _CONTROL_IDS}
    if found != _CONTROL_IDS:
        raise VocabularyError(
            f"{origin}: its control ids are {found}, but XLM-R's numbering needs {_CONTROL_IDS} "
            f"(SentencePiece's defaults); train it without --unk_id, --bos_id, --eos_id, --pad_id"
        )
    if processor.get_piece_size() < FIRST_PIECE:
        raise VocabularyError(f"{origin}: the model has no pieces beyond its control ids")
    return processor
