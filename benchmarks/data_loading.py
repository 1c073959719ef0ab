"""What the data cost: making an update, encoding text, padding, and the share of a step.

The text is made up, so that the benchmark needs no corpus: `num_languages` languages of random
words, each with letters of its own beside common ones.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch
import yaml

from benchmarks.report import Table, main
from xmod.config import ModelConfig, parse
from xmod.config_training import TrainingConfig
from xmod.data.batches import UpdateBatches
from xmod.data.encoding import encode_file
from xmod.data.packing import PackedSequences
from xmod.data.prefetch import RUN
from xmod.data.sampling import LanguageSampler, sampling_probabilities
from xmod.data.token_file import TokenFile
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import initialise
from xmod.model.language_modules import Segment
from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import PAD, Vocabulary
from xmod.training.optimizer import build_optimizer
from xmod.training.precision import computing, resolve

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


STEP_SHAPE: Final = UpdateShape(
    num_languages=75, batch_sequences=32, sequence_length=32, sequences_per_draw=4
)
"""An update of config/small.yaml, whose model is trained on it: the worst case for the share."""


def run(*, quick: bool) -> list[Table]:
    """Medians, one thread; a round makes about half a million tokens."""
    num_rounds = 3 if quick else 7
    torch.set_num_threads(1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        texts = _write_texts(folder, max(shape.num_languages for shape in SHAPES))
        vocabulary = train_vocabulary(
            list(texts.values())[:5],
            size=VOCABULARY_SIZE,
            characters_per_file=50_000,
            character_coverage=0.9995,
        )
        files, megabytes_per_second = _encode(texts, vocabulary)
        return [
            Table(
                title="Making the updates",
                explanation="Sampling, packing and masking on one thread, without prefetching. "
                f"Encoding text took {megabytes_per_second:.1f} MB/s, its files included.",
                columns=("sequences", "languages", "a draw", "ms", "tokens/s", "padding"),
                rows=tuple(_row(shape, files, vocabulary, num_rounds) for shape in SHAPES),
            ),
            Table(
                title="Data in a training step",
                explanation="The model of config/small.yaml, the smallest there is, on one thread.",
                columns=("making an update, ms", "training on it, ms", "data's share"),
                rows=(_share(files, vocabulary, num_updates=60 * num_rounds),),
            ),
        ]


def _row(
    shape: UpdateShape, files: dict[str, TokenFile], vocabulary: Vocabulary, num_rounds: int
) -> tuple[str, ...]:
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
    return (
        f"{shape.batch_sequences:,} x {shape.sequence_length}",
        str(shape.num_languages),
        str(shape.sequences_per_draw),
        f"{1000 * median(seconds):.2f}",
        f"{num_tokens / median(seconds):,.0f}",
        f"{padding:.1%}",
    )


def _share(
    files: dict[str, TokenFile], vocabulary: Vocabulary, *, num_updates: int
) -> tuple[str, ...]:
    """Making updates, in runs as training does, and training on them: medians, and the share."""
    config = small_model()
    updates = _updates(STEP_SHAPE, files, vocabulary)
    model = MaskedLanguageModel(
        config, module_kind="language", languages=list(files), vocabulary_size=vocabulary.size
    )
    initialise(model, config, torch.Generator().manual_seed(1))
    optimizer = build_optimizer(model.parameters(), TrainingConfig())
    precision = resolve("auto", device="cpu", width=config.width)
    making, training = [], []
    for first in range(0, num_updates, RUN):
        started = time.perf_counter()
        run = [updates.update(first + number) for number in range(RUN)]
        made = time.perf_counter()
        for batches in run:
            optimizer.zero_grad(set_to_none=True)
            for batch in batches:
                with computing(precision, device="cpu"):
                    nll_M = model.nll(
                        torch.from_numpy(batch.tokens),
                        [Segment(*segment) for segment in batch.segments],
                        torch.from_numpy(batch.masked),
                        torch.from_numpy(batch.targets),
                    )
                torch.autograd.backward(nll_M.mean())
            optimizer.step()
        making.append((made - started) / RUN)
        training.append((time.perf_counter() - made) / RUN)
    data, step = median(making), median(training)
    return f"{1000 * data:.2f}", f"{1000 * step:.1f}", f"{data / (data + step):.1%}"


def small_model() -> ModelConfig:
    """The model of config/small.yaml."""
    raw = yaml.safe_load(Path("config/small.yaml").read_text(encoding="utf-8"))
    return parse(raw, origin="config/small.yaml").model


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


if __name__ == "__main__":
    main(run)
