"""The training data of a job: token files opened, sampled and packed as its configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xmod.config_training import TrainingConfig
from xmod.data.batches import UpdateBatches
from xmod.data.packing import PackedSequences
from xmod.data.sampling import LanguageSampler, sampling_probabilities
from xmod.data.token_file import TokenFile
from xmod.tokenization.vocabulary import Vocabulary


def open_updates(
    folder: Path,
    vocabulary: Vocabulary,
    *,
    sizes: Mapping[str, float],
    alpha: float,
    config: TrainingConfig,
    seed: int,
    micro_batch_sequences: int,
    by_language: bool = False,
) -> UpdateBatches:
    """Batches over `<folder>/<iso>/train.tokens` of every language in `sizes` (n_l).

    Languages are drawn in proportion to n_l ** alpha (X-MOD section 4.2). With `by_language`
    micro-batches are of one language each. Raises TokenFileError
    for a file that is missing, damaged or of another vocabulary.
    """
    sequences = {
        iso: PackedSequences(
            TokenFile.open(folder / iso / "train.tokens", vocabulary=vocabulary, language=iso),
            config.sequence_length,
            seed=seed,
        )
        for iso in sizes
    }
    sampler = LanguageSampler(
        sampling_probabilities(sizes, alpha=alpha),
        draws_per_update=config.batch_sequences // config.sequences_per_draw,
        seed=seed,
    )
    return UpdateBatches(
        sequences,
        sampler,
        sequences_per_draw=config.sequences_per_draw,
        micro_batch_sequences=micro_batch_sequences,
        mask_probability=config.mask_probability,
        vocabulary_size=vocabulary.size,
        seed=seed,
        by_language=by_language,
    )
