"""One contender in a process of its own: `python -m benchmarks.worker`, driven over its pipes.

Reads the contender as one line of JSON, answers `ready`; then for each line with a number of
steps it takes them and answers the seconds that each took, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.shapes import Contender, Shape
from xmod.config import ModelConfig
from xmod.config_training import TrainingConfig
from xmod.model import MaskedLanguageModel, Segment, initialise
from xmod.training.optimizer import build_optimizer
from xmod.training.precision import computing

DROPOUT = 0.1
MASKED_SHARE = 0.15
Step = Callable[[], None]


def languages_of(shape: Shape) -> list[str]:
    return [f"l{index:02d}" for index in range(shape.num_languages)]


def batches(shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (B, L), flat masked positions (M) and targets (M)."""
    generator = torch.Generator().manual_seed(1)
    num_tokens = shape.num_sequences * shape.length
    tokens = torch.randint(5, shape.vocabulary_size, (num_tokens,), generator=generator)
    masked = torch.randperm(num_tokens, generator=generator)[: round(MASKED_SHARE * num_tokens)]
    masked = masked.sort().values
    return tokens.view(shape.num_sequences, shape.length), masked, tokens[masked]


def our_step(contender: Contender) -> Step:
    shape = contender.shape
    config = ModelConfig(
        size=shape.name,
        num_layers=shape.num_layers,
        width=shape.width,
        num_heads=shape.num_heads,
        feed_forward=shape.feed_forward,
        bottleneck=shape.bottleneck,
        dropout=DROPOUT,
        attention_dropout=DROPOUT,
    )
    languages = languages_of(shape)
    model = MaskedLanguageModel(
        config,
        module_kind="language",
        languages=languages,
        vocabulary_size=shape.vocabulary_size,
    )
    initialise(model, config, torch.Generator().manual_seed(1))
    optimizer = build_optimizer(model.parameters(), TrainingConfig())
    tokens, masked, targets = batches(shape)
    turn = 0

    def step() -> None:
        nonlocal turn
        segments = [Segment(languages[turn % len(languages)], shape.num_sequences)]
        turn += 1
        with computing(contender.precision, device="cpu"):
            loss = model.nll(tokens, segments, masked, targets).mean()
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def transformers_step(contender: Contender) -> Step:
    """Theirs as its users train it: its own loss, over the logits of every position."""
    import transformers

    library: Any = transformers

    shape = contender.shape
    model = library.XmodForMaskedLM(
        library.XmodConfig(
            vocab_size=shape.vocabulary_size,
            hidden_size=shape.width,
            num_hidden_layers=shape.num_layers,
            num_attention_heads=shape.num_heads,
            intermediate_size=shape.feed_forward,
            hidden_dropout_prob=DROPOUT,
            attention_probs_dropout_prob=DROPOUT,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            adapter_reduction_factor=shape.width // shape.bottleneck,
            adapter_reuse_layer_norm=True,
            ln_before_adapter=True,
            languages=languages_of(shape),
        )
    ).train()
    optimizer = build_optimizer(model.parameters(), TrainingConfig())
    tokens, masked, targets = batches(shape)
    labels = torch.full_like(tokens.flatten(), -100).index_put((masked,), targets).view_as(tokens)
    turn = 0

    def step() -> None:
        nonlocal turn
        language_ids = torch.full((shape.num_sequences,), turn % shape.num_languages)
        turn += 1
        with computing(contender.precision, device="cpu"):
            loss = model(tokens, lang_ids=language_ids, labels=labels).loss
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def main() -> None:
    request = json.loads(sys.stdin.readline())
    contender = Contender(**{**request, "shape": Shape(**request["shape"])})
    torch.set_num_threads(contender.shape.num_threads)
    build = {"xmod": our_step, "transformers": transformers_step}[contender.library]
    step = build(contender)
    step()
    print("ready", flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
