"""Masked-language-model perplexity of held-out text, and what to read it against.

The perplexity is exp of the mean negative log-likelihood of masked tokens, the masks being fixed
per language. Beside it:

- `unigram_nll`: the same tokens under their frequencies in the training text (add-one
  smoothed): a model that is not well below it has not learned even that;
- `shuffled_nll`: the same tokens predicted with the rest of their sequence shuffled: where it
  equals the nll, the model does not use word order;
- `wrong_module_nll`: the same tokens through another language's modules: where it equals the
  nll, the modules hold nothing of their language.

Shapes: B sequences, L length, M masked tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from xmod.data.masking import MaskedTokens, fixed_masks
from xmod.data.randomness import generator
from xmod.model.heads import MaskedLanguageModel
from xmod.model.language_modules import Segment
from xmod.tokenization.vocabulary import FIRST_PIECE

BATCH_SEQUENCES = 64

Scores = dict[str, float]
"""Metric -> value."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A language's held-out sequences, and how they are masked."""

    language: str
    tokens: NDArray[np.int64]
    """(B, L)"""
    lengths: NDArray[np.int64]
    """(B,)"""
    train_counts: NDArray[np.int64]
    """(V,): how often each token occurs in the training text."""
    unknown_rate: float
    mask_probability: float
    mask_rounds: int
    seed: int

    def masked(self) -> list[MaskedTokens]:
        """The fixed maskings, one a round."""
        return fixed_masks(
            self.tokens,
            language=self.language,
            seed=self.seed,
            rounds=self.mask_rounds,
            probability=self.mask_probability,
            vocabulary_size=len(self.train_counts),
        )


def measure(model: MaskedLanguageModel, heldout: HeldOut, *, other: str | None) -> Scores:
    """Scores of `model` on a language; `other` names the language whose modules are wrong for it.

    Raises ValueError when the held-out text is too short to mask anything.
    """
    rounds = heldout.masked()
    targets_M = np.concatenate([one.targets for one in rounds])
    if not len(targets_M):
        raise ValueError(f"{heldout.language}: its held-out text is too short to mask a token")
    nll = mean_nll(model, heldout, rounds, heldout.language)
    scores = {
        "nll": nll,
        "perplexity": math.exp(nll),
        "unigram_nll": unigram_nll(heldout.train_counts, targets_M),
        "shuffled_nll": mean_nll(model, heldout, shuffled(heldout, rounds), heldout.language),
        "unknown_rate": heldout.unknown_rate,
        "masked_tokens": float(len(targets_M)),
    }
    if other is not None:
        scores["wrong_module_nll"] = mean_nll(model, heldout, rounds, other)
    return scores


@torch.inference_mode()
def mean_nll(
    model: MaskedLanguageModel, heldout: HeldOut, rounds: Sequence[MaskedTokens], modules: str
) -> float:
    """Mean negative log-likelihood over the masked tokens of all rounds, in nats."""
    device = next(model.parameters()).device
    length = heldout.tokens.shape[1]
    total, count = 0.0, 0
    for masked in rounds:
        for first in range(0, len(masked.inputs), BATCH_SEQUENCES):
            inputs_BL = masked.inputs[first : first + BATCH_SEQUENCES]
            low, high = np.searchsorted(
                masked.positions, (first * length, (first + len(inputs_BL)) * length)
            )
            lengths_B = heldout.lengths[first : first + BATCH_SEQUENCES]
            padded = bool((lengths_B < length).any())
            nll_M = model.nll(
                torch.from_numpy(inputs_BL).to(device),
                [Segment(modules, len(inputs_BL))],
                torch.from_numpy(masked.positions[low:high] - first * length).to(device),
                torch.from_numpy(masked.targets[low:high]).to(device),
                torch.from_numpy(lengths_B).to(device) if padded else None,
            )
            total += float(nll_M.double().sum())
            count += len(nll_M)
    return total / count


def unigram_nll(train_counts_V: NDArray[np.int64], targets_M: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of the targets under add-one smoothed training frequencies.

    Special tokens are never targets and take no part.
    """
    counts = train_counts_V[FIRST_PIECE:-1].astype(np.float64) + 1.0
    log_probabilities = np.log(counts) - math.log(counts.sum())
    return float(-log_probabilities[targets_M - FIRST_PIECE].mean())


def shuffled(heldout: HeldOut, rounds: Sequence[MaskedTokens]) -> list[MaskedTokens]:
    """The same masked tokens at their places, every other token of a sequence at another's."""
    rng = generator("shuffled context", heldout.seed, heldout.language)
    results = []
    for masked in rounds:
        inputs = masked.inputs.copy()
        is_masked = np.zeros(inputs.size, dtype=bool)
        is_masked[masked.positions] = True
        rows = zip(inputs, is_masked.reshape(inputs.shape), heldout.lengths, strict=True)
        for row, hidden, length in rows:
            free = np.flatnonzero(~hidden[:length])[1:]  # <s> keeps its place
            row[free] = row[rng.permutation(free)]
        results.append(
            MaskedTokens(inputs=inputs, positions=masked.positions, targets=masked.targets)
        )
    return results
