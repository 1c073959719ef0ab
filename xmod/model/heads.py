"""The masked-language-model head, and the model that pre-training trains.

Shapes: B sequences, L length, D width, M masked tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from xmod.config import ModelConfig
from xmod.config_section import ModuleKind
from xmod.model.encoder import LAYER_NORM_EPSILON, Encoder
from xmod.model.fused import TargetNll, apply
from xmod.model.language_modules import Segment


class MaskedLanguageHead(nn.Module):
    """RoBERTa's head: dense, gelu, LayerNorm, and a decoder tied to the token embeddings."""

    def __init__(self, width: int, vocabulary_size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.decoder_bias = nn.Parameter(torch.zeros(vocabulary_size))

    def transform(self, hidden_MD: Tensor) -> Tensor:
        """What the decoder is applied to (M, D)."""
        transformed_MD: Tensor = self.norm(functional.gelu(self.dense(hidden_MD)))
        return transformed_MD

    def forward(self, hidden_MD: Tensor, token_embeddings_VD: Tensor) -> Tensor:
        """Logits (M, V)."""
        return functional.linear(self.transform(hidden_MD), token_embeddings_VD, self.decoder_bias)


class MaskedLanguageModel(nn.Module):
    """An encoder and its masked-language-model head."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        module_kind: ModuleKind,
        languages: Sequence[str],
        vocabulary_size: int,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(
            config, module_kind=module_kind, languages=languages, vocabulary_size=vocabulary_size
        )
        self.head = MaskedLanguageHead(config.width, vocabulary_size)

    def logits(
        self,
        tokens_BL: Tensor,
        segments: Sequence[Segment],
        masked_M: Tensor,
        lengths_B: Tensor | None = None,
    ) -> Tensor:
        """Logits (M, V) at the masked positions only: ascending indices into B * L."""
        hidden_MD = self.encoder(tokens_BL, segments, lengths_B, masked_M)
        logits_MV: Tensor = self.head(hidden_MD, self.encoder.token_embeddings.weight)
        return logits_MV

    def nll(
        self,
        tokens_BL: Tensor,
        segments: Sequence[Segment],
        masked_M: Tensor,
        targets_M: Tensor,
        lengths_B: Tensor | None = None,
    ) -> Tensor:
        """Negative log-likelihood (M, float32) of each masked token's target."""
        if tokens_BL.device.type != "cpu" or not torch.is_grad_enabled():
            logits_MV = self.logits(tokens_BL, segments, masked_M, lengths_B)
            return functional.cross_entropy(logits_MV.float(), targets_M, reduction="none")
        hidden_MD = self.head.transform(self.encoder(tokens_BL, segments, lengths_B, masked_M))
        embeddings_VD = self.encoder.token_embeddings.weight.to(hidden_MD.dtype)
        bias_V = self.head.decoder_bias.to(hidden_MD.dtype)
        return apply(TargetNll, hidden_MD, embeddings_VD, bias_V, targets_M)
