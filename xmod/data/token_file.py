"""Token files: a language's text as ids, written once, read through a memory map.

`<iso>/<split>.tokens` holds raw little-endian ids, each document ended by `</s>`: uint16 where the
vocabulary fits, uint32 else. `<iso>/<split>.json` is its index, written last, so that an index
never describes a file that is not whole. Opening checks both; what does not fit is an error.

Shapes: T tokens of the file, V ids of the vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from xmod.config import Section
from xmod.files import atomic_path, sha256_file, write_text_atomic
from xmod.tokenization.vocabulary import END, UNKNOWN, Vocabulary

FORMAT_VERSION: Final = 1
SMALL_FILE_BYTES: Final = 64 * 2**20
"""Files up to here are hashed whenever they are opened: 64 MiB take about 50 ms (our choice)."""
_COUNTING_TOKENS: Final = 2**22

TokenType = Literal["uint16", "uint32"]
Tokens = NDArray[np.uint16] | NDArray[np.uint32]


class TokenFileError(ValueError):
    """A token file is missing, truncated, changed, or of another vocabulary or language."""


class TokenIndex(Section):
    """What is known of a token file: `<split>.json`."""

    format_version: int
    language: str
    split: str
    dtype: TokenType
    num_tokens: int
    """Ids in the file, the `</s>` of each document among them."""
    num_documents: int
    num_unknown: int
    """How many of the ids are `<unk>`."""
    num_characters: int
    """Characters of the text, line ends not counted."""
    vocabulary_fingerprint: str
    vocabulary_size: int
    sha256: str
    source_bytes: int
    """Size of the text file it was made from."""
    source_sha256: str

    @property
    def unknown_rate(self) -> float:
        """The share of `<unk>` among the text's tokens, ends of documents not counted."""
        return self.num_unknown / max(self.num_tokens - self.num_documents, 1)


@dataclass(frozen=True, kw_only=True)
class EncodedText:
    """A stretch of a language's token stream."""

    ids: NDArray[np.int32]
    """(T,): ids, with `</s>` after each document that ends here."""
    num_characters: int


def token_type(vocabulary_size: int) -> TokenType:
    """The smallest type that holds every id."""
    return "uint16" if vocabulary_size <= 2**16 else "uint32"


def index_path(path: Path) -> Path:
    """Where the index of a token file lies."""
    return path.with_suffix(".json")


def write_tokens(
    path: Path,
    stretches: Iterable[EncodedText],
    *,
    vocabulary: Vocabulary,
    language: str,
    source_bytes: int = 0,
    source_sha256: str = "",
) -> TokenIndex:
    """Write a token stream as it comes, then its index; the split is the file's stem.

    Raises ValueError when an id is outside the vocabulary or the last document is not ended;
    nothing is left behind then.
    """
    dtype = token_type(vocabulary.size)
    digest = hashlib.sha256()
    counts = dict.fromkeys(("num_tokens", "num_documents", "num_unknown", "num_characters"), 0)
    last = END
    index_path(path).unlink(missing_ok=True)  # an old index must not vouch for a new file
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        for stretch in stretches:
            ids = stretch.ids
            if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary.size:
                raise ValueError(f"{path}: ids outside the vocabulary's 0 to {vocabulary.size - 1}")
            data = ids.astype(np.dtype(dtype).newbyteorder("<")).tobytes()
            digest.update(data)
            stream.write(data)
            counts["num_tokens"] += ids.size
            counts["num_documents"] += int(np.count_nonzero(ids == END))
            counts["num_unknown"] += int(np.count_nonzero(ids == UNKNOWN))
            counts["num_characters"] += stretch.num_characters
            last = int(ids[-1]) if ids.size else last
        if last != END:
            raise ValueError(f"{path}: the last document is not ended by </s>")
    index = TokenIndex(
        format_version=FORMAT_VERSION,
        language=language,
        split=path.stem,
        dtype=dtype,
        **counts,
        vocabulary_fingerprint=vocabulary.fingerprint,
        vocabulary_size=vocabulary.size,
        sha256=digest.hexdigest(),
        source_bytes=source_bytes,
        source_sha256=source_sha256,
    )
    write_text_atomic(index_path(path), index.model_dump_json(indent=2) + "\n")
    return index


class TokenFile:
    """A token file open for reading."""

    def __init__(self, path: Path, *, index: TokenIndex, tokens: Tokens) -> None:
        self.path = path
        self.index = index
        self.tokens = tokens
        """(T,): the memory-mapped ids."""

    @classmethod
    def open(cls, path: Path, *, vocabulary: Vocabulary, language: str) -> TokenFile:
        """Open `<iso>/<split>.tokens` and check it against its index and what is expected.

        Raises TokenFileError when the file or its index is missing, of another format, language,
        split or vocabulary, or of another size than indexed; a file up to SMALL_FILE_BYTES is
        hashed too. Call `verify` to hash a bigger one.
        """
        index = _read_index(path)
        _check_index(path, index, vocabulary, language)
        dtype = np.dtype(index.dtype).newbyteorder("<")
        expected, found = index.num_tokens * dtype.itemsize, path.stat().st_size
        if found != expected:
            raise TokenFileError(
                f"{path}: {found} bytes where its index says {expected}: the file was cut short "
                f"or changed; {_remedy(path)}"
            )
        # np.memmap refuses empty files, and its subclass slows every later indexing
        tokens = (
            np.memmap(path, dtype=dtype, mode="r").view(np.ndarray)
            if found
            else np.empty(0, dtype=dtype)
        )
        file = cls(path, index=index, tokens=tokens)
        if found <= SMALL_FILE_BYTES:
            file.verify()
        return file

    def verify(self) -> None:
        """Hash the whole file; raises TokenFileError when a bit differs from what was written."""
        if sha256_file(self.path) != self.index.sha256:
            raise TokenFileError(
                f"{self.path}: its bytes are not those its index was written for; "
                f"{_remedy(self.path)}"
            )

    def unigram_counts(self) -> NDArray[np.int64]:
        """How often each id occurs (V,): the unigram baseline of perplexity."""
        counts = np.zeros(self.index.vocabulary_size, dtype=np.int64)
        for start in range(0, len(self.tokens), _COUNTING_TOKENS):
            piece = self.tokens[start : start + _COUNTING_TOKENS]
            counts += np.bincount(piece, minlength=len(counts))
        return counts

    def __len__(self) -> int:
        return len(self.tokens)


def _read_index(path: Path) -> TokenIndex:
    for file in (path, index_path(path)):
        if not file.is_file():
            raise TokenFileError(f"{file} is missing; {_remedy(path)}")
    try:
        return TokenIndex.model_validate_json(index_path(path).read_bytes())
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TokenFileError(
            f"{index_path(path)} is not the index of a token file ({details}); {_remedy(path)}"
        ) from error


def _check_index(path: Path, index: TokenIndex, vocabulary: Vocabulary, language: str) -> None:
    expected: dict[str, int | str] = {
        "format_version": FORMAT_VERSION,
        "language": language,
        "split": path.stem,
        "vocabulary_fingerprint": vocabulary.fingerprint,
        "vocabulary_size": vocabulary.size,
        "dtype": token_type(vocabulary.size),
    }
    for key, value in expected.items():
        if getattr(index, key) != value:
            raise TokenFileError(
                f"{index_path(path)}: {key} is {getattr(index, key)!r} where {value!r} was "
                f"expected: the file belongs to something else; {_remedy(path)}"
            )


def _remedy(path: Path) -> str:
    return f"delete {path.with_suffix('.*')} and run `python -m xmod.encode_corpus` again"
