"""Token files of made-up streams, in a small vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.unit.tokenization.texts import train, write_text
from xmod.data.token_file import (
    FORMAT_VERSION,
    EncodedText,
    TokenFile,
    TokenIndex,
    write_tokens,
)
from xmod.tokenization.vocabulary import END, FIRST_PIECE, Vocabulary


@cache
def small_vocabulary(seed: int = 1) -> Vocabulary:
    with TemporaryDirectory() as folder:
        return train(write_text(Path(folder) / "train.txt", seed=seed), size=100)


def numbered(count: int) -> list[int]:
    """A stream in which every token differs from those near it; `</s>` now and then."""
    pieces = small_vocabulary().size - 1 - FIRST_PIECE
    ids = [END if at % 17 == 16 else FIRST_PIECE + at % pieces for at in range(count)]
    return [*ids[:-1], END] if ids else []


def token_file(
    folder: Path, ids: Sequence[int], *, language: str = "en", split: str = "train"
) -> TokenFile:
    """A token file that holds `ids`, opened."""
    path = folder / language / f"{split}.tokens"
    stretch = EncodedText(ids=np.array(ids, dtype=np.int32), num_characters=3 * len(ids))
    write_tokens(path, [stretch], vocabulary=small_vocabulary(), language=language)
    return TokenFile.open(path, vocabulary=small_vocabulary(), language=language)


def memory_file(ids: Sequence[int], *, language: str = "en", split: str = "train") -> TokenFile:
    """The same without a file: for tests of what is made from tokens."""
    tokens = np.array(ids, dtype=np.uint16)
    index = TokenIndex(
        format_version=FORMAT_VERSION,
        language=language,
        split=split,
        dtype="uint16",
        num_tokens=len(ids),
        num_documents=list(ids).count(END),
        num_unknown=0,
        num_characters=3 * len(ids),
        vocabulary_fingerprint=small_vocabulary().fingerprint,
        vocabulary_size=small_vocabulary().size,
        sha256=hashlib.sha256(tokens.tobytes()).hexdigest(),
        counts_sha256="",
        source_sha256="",
    )
    return TokenFile(Path(f"{language}/{split}.tokens"), index=index, tokens=tokens)
