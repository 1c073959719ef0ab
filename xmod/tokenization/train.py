"""Unigram SentencePiece training (Kudo 2018) on an equal share of each language's text.

The same text and settings give the same bytes: SentencePiece adds up its counts thread by thread,
so its result depends on the number of threads (measured), which is therefore fixed here and asked
for by the rules.
"""

from __future__ import annotations

import io
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import sentencepiece

from xmod.tokenization.vocabulary import Vocabulary, VocabularyError

TRAINING_THREADS: Final = 4
"""Part of the recipe: another number trains another model. 1, 2, 4 and 16 take about as long."""
LINE_CHARACTERS: Final = 2048
"""Longer paragraphs are cut, since SentencePiece skips lines over `max_sentence_length` bytes."""
_SEEDS_PER_PIECE: Final = 10
_MAX_SEEDS: Final = 1_000_000
"""SentencePiece's default. Fewer seeds for a small vocabulary: 30% faster, and no longer texts."""
_MAX_CHARACTER_SHARE: Final = 0.8
"""A vocabulary grows until its single characters are no more than this of it (our choice)."""
_STRETCHES: Final = 64
"""A text longer than its share is read in so many places, not only at its head."""


def train_vocabulary(
    files: Sequence[Path],
    *,
    size: int,
    characters_per_file: int,
    character_coverage: float,
) -> Vocabulary:
    """Train on at most `characters_per_file` characters of each file, one paragraph a line.

    `size` counts SentencePiece's ids. A text that does not have so many pieces gives a smaller
    vocabulary; one whose characters alone would fill it (Chinese, and a small one) a larger.
    Raises VocabularyError when there is no text to train on.
    """
    num_characters = _num_characters(files, characters_per_file, character_coverage)
    size = max(size, math.ceil(num_characters / _MAX_CHARACTER_SHARE))
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_all_lines(files, characters_per_file),
            model_writer=model,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=character_coverage,
            seed_sentencepiece_size=min(_SEEDS_PER_PIECE * size, _MAX_SEEDS),
            max_sentence_length=4 * LINE_CHARACTERS,
            num_threads=TRAINING_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        places = f"{len(files)} files, the first {files[0]}" if files else "no files"
        raise VocabularyError(
            f"no vocabulary of size {size} can be trained on {places}: {error}"
        ) from error
    return Vocabulary(model.getvalue(), origin="the trained vocabulary")


def _all_lines(files: Sequence[Path], characters_per_file: int) -> Iterator[str]:
    return chain.from_iterable(sample_lines(file, characters_per_file) for file in files)


def _num_characters(files: Sequence[Path], characters_per_file: int, coverage: float) -> int:
    """How many different characters, commonest first, make up `coverage` of the text."""
    counts: Counter[str] = Counter()
    for line in _all_lines(files, characters_per_file):
        counts.update(unicodedata.normalize("NFKC", line))
    if not counts:
        return 0
    shares = np.cumsum(sorted(counts.values(), reverse=True)) / counts.total()
    return int(np.searchsorted(shares, coverage)) + 1


def sample_lines(file: Path, max_characters: int) -> Iterator[str]:
    """Paragraphs of at most `max_characters` in all, from evenly spread places of the file.

    A file that has no more is given whole, in order. Reading is streaming.
    """
    size = file.stat().st_size
    taken = 0
    with file.open("rb") as stream:
        if _fits(stream, size, max_characters):
            yield from _parts_from(stream, 0, size)
            return
        for number in range(_STRETCHES):
            begin, end = (size * place // _STRETCHES for place in (number, number + 1))
            allowed = max_characters * (number + 1) // _STRETCHES
            for part in _parts_from(stream, begin, end):
                if taken == allowed:
                    break
                kept = part[: allowed - taken]
                yield kept
                taken += len(kept)


def _fits(stream: BinaryIO, size: int, max_characters: int) -> bool:
    """Whether the file has at most so many characters; one of UTF-8 takes at most 4 bytes."""
    if size > 4 * max_characters:
        return False
    return sum(len(line.decode("utf-8", errors="replace")) for line in stream) <= max_characters


def _parts_from(stream: BinaryIO, begin: int, end: int) -> Iterator[str]:
    """The lines that start in bytes `begin` ... `end - 1`, cut to LINE_CHARACTERS."""
    stream.seek(max(begin - 1, 0))
    if begin:
        stream.readline()  # the rest of a line that starts earlier
    while stream.tell() < end and (line := stream.readline()):
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise VocabularyError(f"{stream.name}: not UTF-8 text ({error})") from error
        yield from (text[at : at + LINE_CHARACTERS] for at in range(0, len(text), LINE_CHARACTERS))
