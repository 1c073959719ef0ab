"""A start for tiny models: attention that looks beside each token (our choice, not the paper's).

Trained encoders hold heads that attend to the token before or after (Voita et al. 2019), and
fixing such patterns costs nothing (Raganato et al. 2020). A model of laptop size spends its whole
budget before it finds them; given them to start with, it goes on to learn what they are for. All
weights are learned as ever: only where they start differs.

Shapes: P positions, D width, S dimensions that hold the positions, E width of a head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from xmod.model.encoder import Encoder

OFFSETS = (-1, 1, -2, 2)
"""Where heads look to begin with, one after the other."""

_AMPLITUDE = 2.0
"""Of the positions' waves, in standard deviations of the token embeddings."""
_GAIN = 1.5
"""Of queries and keys on the positions: enough for a head to see one neighbour in the main."""
_NOISE = 0.3
"""What remains of the random queries and keys."""


@torch.no_grad()
def attend_to_neighbours(encoder: Encoder) -> None:
    """Change drawn weights so that head h attends `OFFSETS[h % 4]` tokens away.

    The first S dimensions hold sines and cosines of the position and no token; a query is its
    own position's waves turned by the head's offset, and a key is its own.
    """
    config = encoder.config
    head_width = config.width // config.num_heads
    size = 2 * (min(head_width, config.width // 3) // 2)
    rates = wave_rates(size, config.max_positions)
    encoder.token_embeddings.weight[:, :size] = 0.0
    amplitude = _AMPLITUDE * config.initializer_range
    positions_PD = encoder.position_embeddings.weight
    positions_PD.zero_()
    positions_PD[:, :size] = amplitude * waves(config.max_positions, rates)
    for layer in encoder.each_layer():
        query_DD, key_DD, _ = layer.query_key_value.weight.chunk(3)
        for weight_DD in (query_DD, key_DD):
            weight_DD *= _NOISE
        for head in range(config.num_heads):
            rows = slice(head * head_width, head * head_width + size)
            query_DD[rows, :size] += _GAIN * turn(OFFSETS[head % len(OFFSETS)], rates)
            key_DD[rows, :size] += _GAIN * torch.eye(size)


def wave_rates(size: int, longest: int) -> list[float]:
    """The frequencies of S / 2 waves, from 1 down to about 1 / longest, in radians a token."""
    return [longest ** (-2 * wave / size) for wave in range(size // 2)]


def waves(num_positions: int, rates: Sequence[float]) -> Tensor:
    """Sine and cosine (P, S) of each wave at each position."""
    angles = torch.arange(num_positions)[:, None] * torch.tensor(rates)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def turn(offset: int, rates: Sequence[float]) -> Tensor:
    """The matrix (S, S) that takes the waves of a position to those `offset` tokens on."""
    matrix_SS = torch.zeros(2 * len(rates), 2 * len(rates))
    for wave, rate in enumerate(rates):
        cosine, sine = math.cos(rate * offset), math.sin(rate * offset)
        block = slice(2 * wave, 2 * wave + 2)
        matrix_SS[block, block] = torch.tensor([[cosine, sine], [-sine, cosine]])
    return matrix_SS
