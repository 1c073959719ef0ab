"""Masked-language-model perplexity of held-out text, and what to read it against.

The perplexity is exp of the mean negative log-likelihood of masked tokens, the masks being fixed
per language. Beside it:

- `unigram_nll`: the same tokens under their frequencies in the training text (add-one
  smoothed): a model that is not well below it has not learned even that;
- `shuffled_nll`: the same tokens predicted with the rest of their sequence shuffled, in an order
  as fixed as the masks: where it equals the nll, the model does not use word order;
- `wrong_module_nll`: the same tokens through another language's modules: where it equals the
  nll, the modules hold nothing of their language.

Shapes: B sequences, L length, M masked tokens, N tokens that are shuffled, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from xmod.data.masking import MaskedTokens, fixed_masks
from xmod.data.randomness import GOLDEN, scramble, words
from xmod.model.heads import MaskedLanguageModel
from xmod.model.language_modules import Segment
from xmod.tokenization.vocabulary import FIRST_PIECE

BATCH_TOKENS = 4096
"""Tokens that go through the model together: logits over the paper's vocabulary take 0.6 GB."""

_LAST = np.uint64(2**64 - 1)

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
    num_sequences = max(1, BATCH_TOKENS // length)
    total = torch.zeros((), dtype=torch.float64, device=device)
    for masked in rounds:
        for first in range(0, len(masked.inputs), num_sequences):
            inputs_BL = masked.inputs[first : first + num_sequences]
            low, high = np.searchsorted(
                masked.positions, (first * length, (first + len(inputs_BL)) * length)
            )
            lengths_B = heldout.lengths[first : first + num_sequences]
            padded = bool((lengths_B < length).any())
            nll_M = model.nll(
                torch.from_numpy(inputs_BL).to(device),
                [Segment(modules, len(inputs_BL))],
                torch.from_numpy(masked.positions[low:high] - first * length).to(device),
                torch.from_numpy(masked.targets[low:high]).to(device),
                torch.from_numpy(lengths_B).to(device) if padded else None,
            )
            total += nll_M.double().sum()
    return float(total) / sum(len(masked.targets) for masked in rounds)


def unigram_nll(train_counts_V: NDArray[np.int64], targets_M: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of the targets under add-one smoothed training frequencies.

    Special tokens are never targets and take no part.
    """
    counts = train_counts_V[FIRST_PIECE:-1].astype(np.float64) + 1.0
    log_probabilities = np.log(counts) - math.log(counts.sum())
    return float(-log_probabilities[targets_M - FIRST_PIECE].mean())


def shuffled(heldout: HeldOut, rounds: Sequence[MaskedTokens]) -> list[MaskedTokens]:
    """The same masked tokens at their places, every other token of a sequence at another's.

    The order follows from the sequence's ids, the language, the seed and the round alone, as the
    masks do, so that it does not depend on how many sequences there are.
    """
    tokens_BL = heldout.tokens
    places_L = np.arange(tokens_BL.shape[1])
    columns_L = (places_L + 1).astype(np.uint64) * GOLDEN
    ids_B = scramble(tokens_BL.astype(np.uint64) + columns_L).sum(axis=1)  # a hash, by wrapping
    results = []
    for turn, masked in enumerate(rounds):
        key_1 = words(1, "shuffled context", heldout.seed, heldout.language, turn)
        noise_BL = scramble(scramble(ids_B + key_1)[:, None] + columns_L)
        free_BL = (places_L > 0) & (places_L < heldout.lengths[:, None])  # <s> keeps its place
        free_BL.reshape(-1)[masked.positions] = False
        # Of each row first the free places, in random order
        order_BL = np.argsort(np.where(free_BL, noise_BL >> np.uint64(1), _LAST), axis=1)
        from_N = order_BL[places_L < free_BL.sum(axis=1, keepdims=True)]
        rows_N, to_N = np.nonzero(free_BL)
        inputs_BL = masked.inputs.copy()
        inputs_BL[rows_N, to_N] = masked.inputs[rows_N, from_N]
        results.append(
            MaskedTokens(inputs=inputs_BL, positions=masked.positions, targets=masked.targets)
        )
    return results
