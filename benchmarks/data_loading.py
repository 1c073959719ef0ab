"""What the data cost: making an update, encoding text, and padding.

The text is made up, so that the benchmark needs no corpus: `num_languages` languages of random
words, each with letters of its own beside common ones.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from xmod.data.batches import UpdateBatches
from xmod.data.encoding import encode_file
from xmod.data.packing import PackedSequences
from xmod.data.sampling import LanguageSampler, sampling_probabilities
from xmod.data.token_file import TokenFile
from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import PAD, Vocabulary

VOCABULARY_SIZE: Final = 4000
CHARACTERS: Final = 200_000
"""Text of a language."""


@dataclass(frozen=True, kw_only=True)
class UpdateShape:
    """What an update is made of."""

    num_languages: int
    batch_sequences: int
    sequence_length: int
    sequences_per_draw: int


SHAPES: Final = (
    UpdateShape(num_languages=13, batch_sequences=64, sequence_length=64, sequences_per_draw=8),
    UpdateShape(num_languages=75, batch_sequences=64, sequence_length=64, sequences_per_draw=8),
    UpdateShape(num_languages=75, batch_sequences=64, sequence_length=64, sequences_per_draw=1),
    UpdateShape(num_languages=75, batch_sequences=2048, sequence_length=512, sequences_per_draw=32),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement."""

    what: str
    value: float
    unit: str


def rows(*, num_rounds: int = 7, shapes: Sequence[UpdateShape] = SHAPES) -> list[Row]:
    """Medians over `num_rounds`, one thread; each round makes about half a million tokens."""
    num_languages = max(shape.num_languages for shape in shapes)
    with TemporaryDirectory() as name:
        folder = Path(name)
        texts = _write_texts(folder, num_languages)
        vocabulary = train_vocabulary(
            list(texts.values())[:5],
            size=VOCABULARY_SIZE,
            characters_per_file=50_000,
            character_coverage=0.9995,
        )
        files, megabytes_per_second = _encode(texts, vocabulary)
        result = [Row(what="encoding text", value=megabytes_per_second, unit="MB/s")]
        for shape in shapes:
            result += _measure(shape, files, vocabulary, num_rounds)
    return result


def _measure(
    shape: UpdateShape, files: dict[str, TokenFile], vocabulary: Vocabulary, num_rounds: int
) -> list[Row]:
    updates = _updates(shape, files, vocabulary)
    num_tokens = shape.batch_sequences * shape.sequence_length
    num_updates = max(1, 500_000 // num_tokens)
    updates.update(0)
    seconds = []
    for turn in range(num_rounds):
        started = time.perf_counter()
        made = [updates.update(turn * num_updates + number) for number in range(num_updates)]
        seconds.append((time.perf_counter() - started) / num_updates)
    padding = np.mean([np.mean(batch.tokens == PAD) for batches in made for batch in batches])
    name = (
        f"an update of {shape.batch_sequences} x {shape.sequence_length} tokens, "
        f"{shape.num_languages} languages, draws of {shape.sequences_per_draw}"
    )
    return [
        Row(what=name, value=1000 * median(seconds), unit="ms"),
        Row(what=name, value=num_tokens / median(seconds), unit="tokens/s"),
        Row(what=name, value=float(padding), unit="share of padding"),
    ]


def _updates(
    shape: UpdateShape, files: dict[str, TokenFile], vocabulary: Vocabulary
) -> UpdateBatches:
    languages = list(files)[: shape.num_languages]
    sizes = {language: 1.2**number for number, language in enumerate(languages)}
    return UpdateBatches(
        {
            language: PackedSequences(files[language], shape.sequence_length, seed=1)
            for language in languages
        },
        LanguageSampler(
            sampling_probabilities(sizes, alpha=0.7),
            draws_per_update=shape.batch_sequences // shape.sequences_per_draw,
            seed=1,
        ),
        sequences_per_draw=shape.sequences_per_draw,
        micro_batch_sequences=min(shape.batch_sequences, 32),
        mask_probability=0.15,
        vocabulary_size=vocabulary.size,
        seed=1,
    )


def _encode(texts: dict[str, Path], vocabulary: Vocabulary) -> tuple[dict[str, TokenFile], float]:
    """Token files of all texts, and how fast they were made."""
    started = time.perf_counter()
    files = {}
    for language, text in texts.items():
        path = text.with_suffix(".tokens")
        encode_file(text, path, vocabulary=vocabulary, language=language)
        files[language] = TokenFile.open(path, vocabulary=vocabulary, language=language)
    num_bytes = sum(text.stat().st_size for text in texts.values())
    return files, num_bytes / (time.perf_counter() - started) / 1e6


def _write_texts(folder: Path, num_languages: int) -> dict[str, Path]:
    texts = {}
    for number in range(num_languages):
        language = f"l{number:02d}"
        rng = random.Random(number)
        letters = "aeinorst" + "".join(chr(0x100 + 4 * number + place) for place in range(4))
        words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(3000)]
        path = folder / language / "train.txt"
        path.parent.mkdir()
        lines = [" ".join(rng.choices(words, k=20)) for _ in range(CHARACTERS // 130)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        texts[language] = path
    return texts


def main() -> None:
    for row in rows():
        print(f"{row.value:>16,.3f} {row.unit:<17} {row.what}")


if __name__ == "__main__":
    main()
