"""Dropout that is cheap on a CPU: random bytes from a generator of one's own, compared once.

PyTorch draws one number an element, on one thread: at 8-10 ns an element that was up to a third
of a training step. Here one 64-bit draw serves eight elements. The price: a rate is rounded to
a multiple of 1/256 (0.1 becomes 26/256 = 0.1016), and what is kept is scaled by exactly the
inverse of what the rounded rate keeps, so that expectations are unchanged.

On a GPU PyTorch's own dropout is used, with the exact rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from xmod.model.fused import AddNorm, apply

_LEVELS = 256


def dropped_levels(rate: float) -> int:
    """How many of the 256 values of a byte drop an element: for a rate above 0 at least one,
    and never all."""
    return min(max(round(rate * _LEVELS), 1), _LEVELS - 1) if rate > 0.0 else 0


def keep_scale(rate: float) -> float:
    """The factor on what is kept: the inverse of the share that the rounded rate keeps."""
    return _LEVELS / (_LEVELS - dropped_levels(rate))


def random_bytes(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Uniform bytes (uint8) in `shape`."""
    num_bytes = math.prod(shape)
    words = torch.empty((num_bytes + 7) // 8, dtype=torch.int64)
    # From the lowest value on: without it only 63 bits are drawn.
    words.random_(torch.iinfo(torch.int64).min, None, generator=generator)
    return words.view(torch.uint8)[:num_bytes].view(*shape)


def keep_mask(noise: Tensor, rate: float, dtype: torch.dtype) -> Tensor:
    """1 where an element is kept, 0 where it is dropped, as `dtype`.

    Written straight into the dtype that it multiplies: on a CPU a boolean mask costs ten times
    as much, to make and to apply.
    """
    mask = torch.empty(noise.shape, dtype=dtype)
    return torch.ge(noise, dropped_levels(rate), out=mask)


class Dropout(nn.Module):
    """The encoder's dropout: its two rates and, on a CPU, its own stream of random bytes."""

    def __init__(self, rate: float, *, attention_rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.attention_rate = attention_rate
        self.generator = torch.Generator()

    @property
    def attention_rate_now(self) -> float:
        return self.attention_rate if self.training else 0.0

    def is_by_hand(self, hidden: Tensor) -> bool:
        """Whether this is a training step on a CPU, for which `fused` is."""
        return self.training and hidden.device.type == "cpu"

    def forward(self, hidden_BLD: Tensor) -> Tensor:
        if not self.is_by_hand(hidden_BLD):
            return functional.dropout(hidden_BLD, self.rate, self.training)
        mask_BLD, scale = self._mask(hidden_BLD.shape, self.rate, hidden_BLD.dtype)
        return hidden_BLD if mask_BLD is None else hidden_BLD * mask_BLD * scale

    def add_norm(self, residual_BLD: Tensor, hidden_BLD: Tensor, norm: nn.LayerNorm) -> Tensor:
        """`norm(residual + dropout(hidden))`."""
        if not self.is_by_hand(hidden_BLD):
            plain_BLD: Tensor = norm(residual_BLD + self(hidden_BLD))
            return plain_BLD
        mask_BLD, scale = self._mask(hidden_BLD.shape, self.rate, hidden_BLD.dtype)
        return apply(
            AddNorm, residual_BLD, hidden_BLD, mask_BLD, scale, norm.weight, norm.bias, norm.eps
        )

    def attention_mask(self, projected_BLX: Tensor, num_heads: int) -> tuple[Tensor | None, float]:
        """The mask (N, L, L) for the attention probabilities, and the scale of what is kept."""
        num_sequences, length, _ = projected_BLX.shape
        shape = (num_sequences * num_heads, length, length)
        return self._mask(shape, self.attention_rate, projected_BLX.dtype)

    def _mask(
        self, shape: Sequence[int], rate: float, dtype: torch.dtype
    ) -> tuple[Tensor | None, float]:
        if rate == 0.0:
            return None, 1.0
        noise = random_bytes(shape, self.generator)
        return keep_mask(noise, rate, dtype), keep_scale(rate)
