"""The laptop start: attention that looks beside each token."""

from __future__ import annotations

import torch

from tests.unit.shapes import model_config
from xmod.config import ModelConfig
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import initialise
from xmod.model.neighbours import OFFSETS, turn, wave_rates, waves

CONFIG = model_config(
    width=48, num_heads=2, max_positions=32, initializer_range=0.14, attention_init="neighbours"
)


def test_a_turn_moves_along_the_waves() -> None:
    rates = wave_rates(16, 32)
    waves_PS = waves(32, rates)
    for offset in OFFSETS:
        moved_PS = waves_PS @ turn(offset, rates).T
        first, last = max(0, -offset), 32 - max(0, offset)
        expected = waves_PS[first + offset : last + offset]
        torch.testing.assert_close(moved_PS[first:last], expected)


def test_heads_begin_at_their_neighbours() -> None:
    """Most of the first layer's attention, inside of a sequence, is where the head should look."""
    model = MaskedLanguageModel(
        CONFIG, module_kind="shared", languages=("en",), vocabulary_size=500
    )
    initialise(model, CONFIG, torch.Generator().manual_seed(1))
    encoder = model.encoder
    tokens_BL = torch.randint(4, 499, (16, 32), generator=torch.Generator().manual_seed(2))
    hidden_BLD = encoder.embedding_norm(
        encoder.token_embeddings(tokens_BL) + encoder.position_embeddings.weight[:32]
    )
    query, key, _ = next(encoder.each_layer()).query_key_value(hidden_BLD).chunk(3, dim=-1)
    for head in range(CONFIG.num_heads):
        rows = slice(head * 24, (head + 1) * 24)
        scores = query[..., rows] @ key[..., rows].transpose(1, 2) / 24**0.5
        found = scores.softmax(dim=-1).mean(dim=0).argmax(dim=-1)  # (L,)
        inside = torch.arange(4, 28)
        assert (found[inside] == inside + OFFSETS[head]).all()


def test_the_papers_start_is_random() -> None:
    assert ModelConfig.model_fields["attention_init"].default == "random"
