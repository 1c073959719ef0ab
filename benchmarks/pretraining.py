"""A step of pre-training, ours and transformers'."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.models import languages_of, our_model, their_model
from benchmarks.shapes import ModelContender, Shape, Step
from xmod.config_training import TrainingConfig
from xmod.model import Segment
from xmod.model.device import keep_freed_memory
from xmod.training.optimizer import build_optimizer
from xmod.training.precision import computing

MASKED_SHARE = 0.15


class Pretraining(ModelContender):
    """Masked language modelling; a step's work is its tokens."""

    def our_step(self) -> Step:
        keep_freed_memory()  # as training does
        shape = self.shape
        model, languages = our_model(shape), languages_of(shape)
        optimizer = build_optimizer(model.parameters(), TrainingConfig())
        tokens, masked, targets = batches(shape)
        turn = 0

        def step() -> int:
            nonlocal turn
            segments = [Segment(languages[turn % len(languages)], shape.num_sequences)]
            turn += 1
            with computing(self.precision, device="cpu"):
                loss = model.nll(tokens, segments, masked, targets).mean()
            torch.autograd.backward(loss)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return tokens.numel()

        return step

    def their_step(self) -> Step:
        """As its users train it: its own loss, over the logits of every position."""
        shape = self.shape
        model = their_model(shape, "XmodForMaskedLM").train()
        optimizer = build_optimizer(model.parameters(), TrainingConfig())
        tokens, masked, targets = batches(shape)
        labels = torch.full_like(tokens.flatten(), -100).index_put((masked,), targets)
        labels = labels.view_as(tokens)
        turn = 0

        def step() -> int:
            nonlocal turn
            language_ids = torch.full((shape.num_sequences,), turn % shape.num_languages)
            turn += 1
            with computing(self.precision, device="cpu"):
                loss = model(tokens, lang_ids=language_ids, labels=labels).loss
            torch.autograd.backward(loss)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return tokens.numel()

        return step


def batches(shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (B, L), flat masked positions (M) and targets (M)."""
    generator = torch.Generator().manual_seed(1)
    num_tokens = shape.num_sequences * shape.length
    tokens = torch.randint(5, shape.vocabulary_size, (num_tokens,), generator=generator)
    masked = torch.randperm(num_tokens, generator=generator)[: round(MASKED_SHARE * num_tokens)]
    masked = masked.sort().values
    return tokens.view(shape.num_sequences, shape.length), masked, tokens[masked]
