"""Text files to token files: streaming, each language resumable."""

from __future__ import annotations

from pathlib import Path

from xmod.data.encoding_shards import SHARD_BYTES, encode_shards
from xmod.data.encoding_text import encode_text, read_blocks
from xmod.data.token_file import TokenFile, TokenFileError, TokenIndex, read_counts, write_tokens
from xmod.files import sha256_file
from xmod.tokenization.vocabulary import Vocabulary


def encode_file(
    source: Path,
    path: Path,
    *,
    vocabulary: Vocabulary,
    language: str,
    model: Path | None = None,
    workers: int = 1,
) -> tuple[TokenIndex, bool]:
    """Write the token file of a text file, or keep it where it is whole and of this very text.

    A long text is tokenised by `workers` processes, which read the vocabulary from `model`; the
    file is the same for any number of them.

    Returns its index, and whether it was kept. Raises FileNotFoundError without the text, and
    ValueError where it is not UTF-8.
    """
    if not source.is_file():
        raise FileNotFoundError(f"{source} is missing; make it with `python -m xmod.collect`")
    source_sha256 = sha256_file(source)
    kept = _kept(path, vocabulary, language, source_sha256)
    if kept is not None:
        return kept, True
    if model is not None and source.stat().st_size > SHARD_BYTES:
        index = encode_shards(
            source,
            path,
            model=model,
            language=language,
            source_sha256=source_sha256,
            workers=workers,
        )
        return index, False
    index = write_tokens(
        path,
        encode_text(read_blocks(source), vocabulary=vocabulary),
        vocabulary=vocabulary,
        language=language,
        source_sha256=source_sha256,
    )
    return index, False


def _kept(
    path: Path, vocabulary: Vocabulary, language: str, source_sha256: str
) -> TokenIndex | None:
    """The index of an existing token file that would come out the same, or None."""
    try:
        file = TokenFile.open(path, vocabulary=vocabulary, language=language)
        file.verify()
        read_counts(path, vocabulary=vocabulary, language=language)
    except TokenFileError:
        return None
    return file.index if file.index.source_sha256 == source_sha256 else None
