"""Heads of tasks against transformers' X-MOD on the same random weights."""

from __future__ import annotations

import pytest
import torch

from tests.unit.model.helpers import random_tokens, randomise, small_model
from tests.unit.model.in_transformers import as_transformers_task, language_ids
from xmod.model import Segment
from xmod.model.task_heads import HeadKind, TaskModel, initialise_head

NUM_OUTPUTS: dict[HeadKind, int] = {"sentence": 3, "token": 7, "span": 2}
MIXED = [Segment("to", 2), Segment("en", 1), Segment("sw", 2)]
LENGTHS = torch.tensor([16, 3, 9, 5, 12])


def task_model(kind: HeadKind, *, dropout: float = 0.0) -> TaskModel:
    """With weights that are away from their start, biases too."""
    encoder = small_model(dropout=dropout, attention_dropout=dropout).encoder
    model = TaskModel(encoder, kind=kind, num_outputs=NUM_OUTPUTS[kind])
    initialise_head(model, seed=1)
    randomise(model)
    return model


@pytest.mark.parametrize("kind", NUM_OUTPUTS)
@pytest.mark.parametrize("segments", [[Segment("sw", 5)], MIXED], ids=["one language", "mixed"])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_scores_equal(kind: HeadKind, segments: list[Segment], mode: str) -> None:
    """Also in training mode, whose faster paths are others, with dropout at 0."""
    model = task_model(kind).train(mode == "train")
    theirs = as_transformers_task(model, kind).eval()
    is_token_BL = torch.arange(16) < LENGTHS[:, None]
    tokens = random_tokens(5, 16).where(is_token_BL, 1)
    output = theirs(tokens, attention_mask=is_token_BL.long(), lang_ids=language_ids(segments))
    scores = model(tokens, segments, LENGTHS)
    if kind == "sentence":
        torch.testing.assert_close(scores, output.logits, atol=1e-5, rtol=1e-5)
        return
    expected = (
        output.logits
        if kind == "token"
        else torch.stack([output.start_logits, output.end_logits], dim=2)
    )
    torch.testing.assert_close(scores[is_token_BL], expected[is_token_BL], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", NUM_OUTPUTS)
def test_padding_changes_no_score(kind: HeadKind) -> None:
    model = task_model(kind).eval()
    tokens = random_tokens(1, 9)
    padded = torch.cat([tokens, torch.ones(1, 7, dtype=torch.long)], dim=1)
    alone = model(tokens, [Segment("en", 1)], torch.tensor([9]))
    beside = model(padded, [Segment("en", 1)], torch.tensor([9]))
    if kind != "sentence":
        beside = beside[:, :9]
    torch.testing.assert_close(alone, beside, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("kind", "drops"), [("sentence", True), ("token", True), ("span", False)])
def test_where_a_head_drops(kind: HeadKind, drops: bool) -> None:
    """As in transformers: not before spans. The head alone, on hidden states of ones."""
    model = task_model(kind, dropout=0.5).train()
    hidden = torch.ones(2, 16, 32)
    first, second = (model.head(hidden, model.encoder.dropout) for _ in range(2))
    assert torch.equal(first, second) != drops


@pytest.mark.parametrize("kind", NUM_OUTPUTS)
def test_a_head_is_drawn_by_its_seed_alone(kind: HeadKind) -> None:
    def drawn(seed: int) -> dict[str, torch.Tensor]:
        torch.rand(7)  # nothing depends on the global generator
        model = TaskModel(small_model().encoder, kind=kind, num_outputs=NUM_OUTPUTS[kind])
        initialise_head(model, seed=seed)
        return model.head.state_dict()

    one, same, other = drawn(1), drawn(1), drawn(2)
    for name, value in one.items():
        assert torch.equal(value, same[name])
        if name.endswith("bias"):
            assert not value.any()
        else:
            assert not torch.equal(value, other[name])
            assert value.std().item() == pytest.approx(0.02, rel=0.4)


def test_a_language_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="no module for language 'fi'"):
        task_model("token")(random_tokens(1, 9), [Segment("fi", 1)], torch.tensor([9]))
