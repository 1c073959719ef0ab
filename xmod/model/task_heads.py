"""Heads of downstream tasks, and the model that is fine-tuned: an encoder and one of them.

Shapes: B sequences, L length, D width, C outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from xmod.model.dropout import Dropout
from xmod.model.encoder import Encoder, computing_dtype
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import named_generator
from xmod.model.language_modules import Segment

HeadKind = Literal["sentence", "token", "span"]


class SentenceHead(nn.Module):
    """RoBERTa's classifier over `<s>`: dropout, dense, tanh, dropout, linear (X-MOD section 3)."""

    def __init__(self, width: int, num_outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.output = nn.Linear(width, num_outputs)

    def read(self, tokens_BL: Tensor) -> Tensor:
        """The tokens that it reads, as indices into B * L."""
        num_sequences, length = tokens_BL.shape
        return torch.arange(num_sequences, device=tokens_BL.device) * length

    def forward(self, hidden_BD: Tensor, dropout: Dropout) -> Tensor:
        """(B, C)"""
        pooled_BD = torch.tanh(self.dense(dropout(hidden_BD)))
        scores_BC: Tensor = self.output(dropout(pooled_BD))
        return scores_BC


class TokenHead(nn.Module):
    """A linear layer over every token; after dropout for tags, without it for spans, as in BERT's
    fine-tuning (Devlin et al. 2019)."""

    def __init__(self, width: int, num_outputs: int, *, drops: bool) -> None:
        super().__init__()
        self.output = nn.Linear(width, num_outputs)
        self.drops = drops

    def read(self, tokens_BL: Tensor) -> None:
        """It reads every token."""

    def forward(self, hidden_BLD: Tensor, dropout: Dropout) -> Tensor:
        """(B, L, C)"""
        scores_BLC: Tensor = self.output(dropout(hidden_BLD) if self.drops else hidden_BLD)
        return scores_BLC


class TaskModel(nn.Module):
    """An encoder and a task's head."""

    def __init__(self, encoder: Encoder, *, kind: HeadKind, num_outputs: int) -> None:
        super().__init__()
        width = encoder.config.width
        self.encoder = encoder
        self.head: SentenceHead | TokenHead = (
            SentenceHead(width, num_outputs)
            if kind == "sentence"
            else TokenHead(width, num_outputs, drops=kind == "token")
        )

    def forward(self, tokens_BL: Tensor, segments: Sequence[Segment], lengths_B: Tensor) -> Tensor:
        """Scores in float32: of sentences (B, C), of tokens and spans (B, L, C).

        What stands at padding is without meaning. Raises ValueError as the encoder does.
        """
        hidden = self.encoder(tokens_BL, segments, lengths_B, self.head.read(tokens_BL))
        scores: Tensor = self.head(hidden.to(computing_dtype(hidden)), self.encoder.dropout)
        return scores.float()


AnyModel = MaskedLanguageModel | TaskModel
"""What is trained: an encoder with either kind of head."""


@torch.no_grad()
def initialise_head(model: TaskModel, *, seed: int) -> None:
    """Draw the head's weights anew, by the seed alone: normal(0, initializer_range), biases 0."""
    generator = named_generator(seed, "task head")
    for name, parameter in model.head.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        else:
            deviation = model.encoder.config.initializer_range
            parameter.normal_(0.0, deviation, generator=generator)
