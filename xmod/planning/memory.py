"""How much memory of its device a training needs: an estimate that no GPU has checked.

Weights, their gradients and both moments of AdamW are float32; under autocast the weights that
are used lie there a second time in bfloat16. Of activations, which are bfloat16, a layer without
its attention scores (they are not kept) needs 34 bytes a token and unit of width (Korthikanti et
al. 2022, equation 2), a module 4 a unit of its bottleneck and 6 of the width; the head's logits and
their gradients are there in bfloat16 and in float32.
"""

from __future__ import annotations

from xmod.config import ModelConfig

TRAINED_BYTES, FROZEN_BYTES, CAST_BYTES = 16, 4, 2
LAYER_BYTES, LOGIT_BYTES = 34, 12


def training_gigabytes(
    model: ModelConfig,
    *,
    trained: int,
    frozen: int,
    active: int,
    num_sequences: int,
    length: int,
    masked: float = 0.0,
    vocabulary_size: int = 0,
) -> float:
    """Of parameters `trained` and `frozen`, of which one language uses `active`, and of a
    micro-batch of `num_sequences` of `length` tokens, of which a share of `masked` is predicted."""
    tokens = num_sequences * length
    module = 4 * model.bottleneck + 6 * model.width
    activations = tokens * model.num_layers * (LAYER_BYTES * model.width + module)
    logits = tokens * masked * vocabulary_size * LOGIT_BYTES
    weights = TRAINED_BYTES * trained + FROZEN_BYTES * frozen + CAST_BYTES * active
    return (weights + activations + logits) / 1e9
