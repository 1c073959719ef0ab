"""Self-attention over whole sequences.

Shapes: B sequences, L length, D width, H heads, E width of a head, X three times D.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from xmod.model.dropout import Dropout
from xmod.model.fused import Attention, apply


def padding_bias(lengths_B: Tensor, length: int) -> Tensor:
    """What is added to attention scores (B, 1, 1, L): minus infinity at padding, else 0."""
    is_padding_BL = torch.arange(length, device=lengths_B.device) >= lengths_B[:, None]
    bias_BL = torch.zeros(is_padding_BL.shape, device=lengths_B.device)
    return bias_BL.masked_fill_(is_padding_BL, -torch.inf)[:, None, None, :]


def attend(
    projected_BLX: Tensor, num_heads: int, bias_B11L: Tensor | None, dropout: Dropout
) -> Tensor:
    """Attention (B, L, D) of queries, keys and values that lie side by side, in that order."""
    num_sequences, length, width = projected_BLX.shape
    if dropout.is_by_hand(projected_BLX):
        mask_NLL, scale = dropout.attention_mask(projected_BLX, num_heads)
        return apply(Attention, projected_BLX, num_heads, bias_B11L, mask_NLL, scale)
    split = projected_BLX.view(num_sequences, length, 3, num_heads, width // (3 * num_heads))
    query_BHLE, key_BHLE, value_BHLE = split.permute(2, 0, 3, 1, 4).unbind(0)
    bias = None if bias_B11L is None else bias_B11L.to(query_BHLE.dtype)
    attended_BHLE = functional.scaled_dot_product_attention(
        query_BHLE, key_BHLE, value_BHLE, attn_mask=bias, dropout_p=dropout.attention_rate_now
    )
    return attended_BHLE.transpose(1, 2).reshape(num_sequences, length, width // 3)
