"""Token files: a language's text as ids, written once, read through a memory map.

`<iso>/<split>.tokens` holds raw little-endian ids, each document ended by `</s>`: uint16 where the
vocabulary fits, uint32 else. `<iso>/<split>.counts.npy` says how often it has each id, so that no
one reads gigabytes to count them. `<iso>/<split>.json` is the index of both, written last, so that
an index never describes a file that is not whole. What does not fit its index is an error.

Shapes: T tokens of the file, V ids of the vocabulary.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from xmod.config_section import Section
from xmod.files import atomic_path, sha256_file, write_text_atomic
from xmod.tokenization.vocabulary import END, UNKNOWN, Vocabulary

FORMAT_VERSION: Final = 2
SMALL_FILE_BYTES: Final = 64 * 2**20
"""Files up to here are hashed whenever they are opened: 64 MiB take about 50 ms (our choice)."""

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
    counts_sha256: str
    """Of `<split>.counts.npy`."""
    source_sha256: str
    """Of the text file it was made from."""

    @property
    def num_text_tokens(self) -> int:
        """Tokens of the text: ends of documents are none."""
        return self.num_tokens - self.num_documents

    @property
    def unknown_rate(self) -> float:
        """The share of `<unk>` among the text's tokens; 0 where there are none."""
        return self.num_unknown / max(self.num_text_tokens, 1)


@dataclass(frozen=True, kw_only=True)
class EncodedText:
    """A stretch of a language's token stream."""

    ids: NDArray[np.int32] | Tokens
    """(T,): ids, with `</s>` after each document that ends here."""
    num_characters: int


def token_type(vocabulary_size: int) -> TokenType:
    """The smallest type that holds every id."""
    return "uint16" if vocabulary_size <= 2**16 else "uint32"


def index_path(path: Path) -> Path:
    """Where the index of a token file lies."""
    return path.with_suffix(".json")


def counts_path(path: Path) -> Path:
    """Where the counts of a token file lie."""
    return path.with_suffix(".counts.npy")


def write_tokens(
    path: Path,
    stretches: Iterable[EncodedText],
    *,
    vocabulary: Vocabulary,
    language: str,
    source_sha256: str = "",
) -> TokenIndex:
    """Write a token stream as it comes, then its counts and index; the split is the file's stem.

    Raises ValueError when an id is outside the vocabulary or the last document is not ended;
    nothing is left behind then.
    """
    dtype = token_type(vocabulary.size)
    digest = hashlib.sha256()
    counts_V = np.zeros(vocabulary.size, dtype="<i8")
    num_characters, last = 0, END
    index_path(path).unlink(missing_ok=True)  # an old index must not vouch for a new file
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        for stretch in stretches:
            ids = stretch.ids
            if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary.size:
                raise ValueError(f"{path}: ids outside the vocabulary's 0 to {vocabulary.size - 1}")
            data = np.ascontiguousarray(ids, dtype=np.dtype(dtype).newbyteorder("<")).data
            digest.update(data)
            stream.write(data)
            counts_V += np.bincount(ids, minlength=len(counts_V))
            num_characters += stretch.num_characters
            last = int(ids[-1]) if ids.size else last
        if last != END:
            raise ValueError(f"{path}: the last document is not ended by </s>")
    with atomic_path(counts_path(path)) as temporary, temporary.open("wb") as stream:
        np.save(stream, counts_V)
    index = TokenIndex(
        format_version=FORMAT_VERSION,
        language=language,
        split=path.stem,
        dtype=dtype,
        num_tokens=int(counts_V.sum()),
        num_documents=int(counts_V[END]),
        num_unknown=int(counts_V[UNKNOWN]),
        num_characters=num_characters,
        vocabulary_fingerprint=vocabulary.fingerprint,
        vocabulary_size=vocabulary.size,
        sha256=digest.hexdigest(),
        counts_sha256=sha256_file(counts_path(path)),
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
        _check_there(path, path)
        index = _read_index(path, vocabulary, language)
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

    def __len__(self) -> int:
        return len(self.tokens)


def read_counts(path: Path, *, vocabulary: Vocabulary, language: str) -> NDArray[np.int64]:
    """How often each id occurs in the token file `path` (V,), which itself is not read.

    Raises TokenFileError when the counts or the index are missing, do not fit each other, or are
    of another vocabulary, language or split.
    """
    index = _read_index(path, vocabulary, language)
    counts = counts_path(path)
    _check_there(counts, path)
    data = counts.read_bytes()
    if hashlib.sha256(data).hexdigest() != index.counts_sha256:
        raise TokenFileError(
            f"{counts}: its bytes are not those its index was written for; {_remedy(path)}"
        )
    counts_V: NDArray[np.int64] = np.load(io.BytesIO(data))
    return counts_V


def _check_there(file: Path, path: Path) -> None:
    if not file.is_file():
        raise TokenFileError(f"{file} is missing; {_remedy(path)}")


def _read_index(path: Path, vocabulary: Vocabulary, language: str) -> TokenIndex:
    """The index of the token file `path`, if it is of this vocabulary, language and split."""
    _check_there(index_path(path), path)
    try:
        index = TokenIndex.model_validate_json(index_path(path).read_bytes())
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TokenFileError(
            f"{index_path(path)} is not the index of a token file ({details}); {_remedy(path)}"
        ) from error
    _check_index(path, index, vocabulary, language)
    return index


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
