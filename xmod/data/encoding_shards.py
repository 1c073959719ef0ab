"""Tokenises a long text shard by shard, in parallel, so that an interrupted job goes on.

The token file has the bytes that `encode_text` gives in one go: a shard ends where a document
does. Shards lie in `.shards-<digest>/` beside the token file until all are done.
"""

from __future__ import annotations

import hashlib
import mmap
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from xmod.data.encoding_text import encode_text, read_blocks
from xmod.data.shards import in_order
from xmod.data.token_file import (
    EncodedText,
    TokenFile,
    TokenFileError,
    TokenIndex,
    write_tokens,
)
from xmod.tokenization.vocabulary import Vocabulary

SHARD_BYTES: Final = 2**27
"""Of text; a smaller file is tokenised in one go."""
_COPY_TOKENS: Final = 2**22


@dataclass(frozen=True, kw_only=True)
class _Task:
    source: Path
    start: int
    end: int
    path: Path
    """The shard's token file."""
    model: Path
    language: str
    identity: str
    """What the shard depends on."""


def encode_shards(
    source: Path,
    path: Path,
    *,
    model: Path,
    language: str,
    source_sha256: str,
    workers: int,
    shard_bytes: int = SHARD_BYTES,
) -> TokenIndex:
    """Write the token file of a text file; `model` is the vocabulary's file.

    Raises ValueError where the text is not UTF-8; the shards that are done are kept.
    """
    vocabulary = _vocabulary(model)
    facts = f"{vocabulary.fingerprint} {source_sha256} {shard_bytes}"
    digest = hashlib.sha256(facts.encode()).hexdigest()[:16]
    work = path.parent / f".shards-{path.stem}-{digest}"
    for left in path.parent.glob(f".shards-{path.stem}-*"):
        if left != work:
            shutil.rmtree(left)
    tasks = [
        _Task(
            source=source,
            start=start,
            end=end,
            path=work / f"{number:06}" / path.name,
            model=model,
            language=language,
            identity=f"{source_sha256} {start} {end}",
        )
        for number, (start, end) in enumerate(cut_file(source, shard_bytes=shard_bytes))
    ]
    characters = list(in_order(_encode, tasks, workers=workers))
    stretches = _joined([one.path for one in tasks], characters, vocabulary, language)
    index = write_tokens(
        path, stretches, vocabulary=vocabulary, language=language, source_sha256=source_sha256
    )
    shutil.rmtree(work)
    return index


def cut_file(path: Path, *, shard_bytes: int) -> Iterator[tuple[int, int]]:
    """Byte ranges of the file that end with an empty line, the first after `shard_bytes`."""
    size = path.stat().st_size
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = 0
        while start < size:
            found = data.find(b"\n\n", start + shard_bytes)
            end = size if found < 0 else found + 2
            yield start, end
            start = end


@lru_cache(maxsize=1)
def _vocabulary(model: Path) -> Vocabulary:
    """Read once a process."""
    return Vocabulary.open(model)


def _encode(task: _Task) -> int:
    """Tokenise one shard, unless it is there; returns its characters."""
    vocabulary = _vocabulary(task.model)
    index = _done(task, vocabulary) or write_tokens(
        task.path,
        encode_text(
            read_blocks(task.source, start=task.start, end=task.end), vocabulary=vocabulary
        ),
        vocabulary=vocabulary,
        language=task.language,
        source_sha256=task.identity,
    )
    return index.num_characters


def _done(task: _Task, vocabulary: Vocabulary) -> TokenIndex | None:
    """The index of a shard that is there, whole and of this text; None where it must be made."""
    try:
        file = TokenFile.open(task.path, vocabulary=vocabulary, language=task.language)
        file.verify()
    except TokenFileError:
        return None
    return file.index if file.index.source_sha256 == task.identity else None


def _joined(
    paths: list[Path], characters: list[int], vocabulary: Vocabulary, language: str
) -> Iterator[EncodedText]:
    """The shards' tokens one after another, in stretches of bounded size."""
    for path, count in zip(paths, characters, strict=True):
        tokens = TokenFile.open(path, vocabulary=vocabulary, language=language).tokens
        yield EncodedText(ids=np.empty(0, dtype=np.int32), num_characters=count)
        for start in range(0, len(tokens), _COPY_TOKENS):
            yield EncodedText(ids=tokens[start : start + _COPY_TOKENS], num_characters=0)
