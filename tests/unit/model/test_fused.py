"""What is differentiated by hand, against autograd on the plain formulas, and dropout's masks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from xmod.model.attention import padding_bias
from xmod.model.dropout import Dropout, dropped_levels, keep_mask, keep_scale, random_bytes
from xmod.model.fused import AddNorm, Attention, TargetNll, apply

SCALE = keep_scale(0.1)


def normal(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()


def mask(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return keep_mask(random_bytes(shape, torch.Generator().manual_seed(3)), 0.3, dtype)


def assert_same(ours: Tensor, expected: Tensor, inputs: list[Tensor]) -> None:
    """Equal values, and equal gradients of a random projection of them."""
    torch.testing.assert_close(ours, expected)
    direction = normal(*ours.shape, seed=9, dtype=ours.dtype).detach()
    our_gradients = torch.autograd.grad(ours, inputs, direction)
    for gradient, wanted in zip(
        our_gradients, torch.autograd.grad(expected, inputs, direction), strict=True
    ):
        torch.testing.assert_close(gradient, wanted)


@pytest.mark.parametrize("dropped", [False, True])
def test_add_norm(dropped: bool) -> None:
    residual, hidden = normal(2, 3, 8, seed=1), normal(2, 3, 8, seed=2)
    weight, bias = normal(8, seed=3), normal(8, seed=4)
    keep = mask(2, 3, 8) if dropped else None
    ours = apply(AddNorm, residual, hidden, keep, SCALE, weight, bias, 1e-5)
    kept = hidden if keep is None else hidden * keep * SCALE
    expected = functional.layer_norm(residual + kept, (8,), weight, bias)
    assert_same(ours, expected, [residual, hidden, weight, bias])


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_attention(dropped: bool, padded: bool) -> None:
    projected = normal(2, 5, 24)
    bias = padding_bias(torch.tensor([5, 2]), 5).double() if padded else None
    keep = mask(4, 5, 5) if dropped else None
    scale = SCALE if dropped else 1.0
    ours = apply(Attention, projected, 2, bias, keep, scale)
    query, key, value = projected.view(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
    scores = query @ key.transpose(2, 3) / 2.0
    chances = (scores if bias is None else scores + bias).softmax(-1)
    weights = chances if keep is None else chances * keep.view(2, 2, 5, 5) * scale
    expected = (weights @ value).transpose(1, 2).reshape(2, 5, 8)
    assert_same(ours, expected, [projected])


@pytest.mark.parametrize("spread", [1.0, 300.0])
def test_target_nll(spread: float) -> None:
    """Also where the target's probability is below the smallest float."""
    hidden, embeddings = normal(6, 4, dtype=torch.float32), normal(11, 4, dtype=torch.float32)
    bias, targets = normal(11, dtype=torch.float32), torch.tensor([0, 10, 3, 3, 5, 1])
    ours = apply(TargetNll, hidden * spread, embeddings, bias, targets)
    logits = functional.linear(hidden * spread, embeddings, bias)
    expected = functional.cross_entropy(logits, targets, reduction="none")
    assert_same(ours, expected, [hidden, embeddings, bias])


def test_target_nll_goes_back_once() -> None:
    hidden, embeddings = normal(6, 4, dtype=torch.float32), normal(11, 4, dtype=torch.float32)
    targets = torch.arange(6)
    nll = apply(TargetNll, hidden, embeddings, torch.zeros(11), targets).sum()
    nll.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="once only"):
        nll.backward()


def test_dropped_share_is_the_rounded_rate() -> None:
    noise = random_bytes((1_000_003,), torch.Generator().manual_seed(1))
    assert noise.float().mean().item() == pytest.approx(127.5, abs=0.5)
    keep = keep_mask(noise, 0.1, torch.float32)
    assert 1.0 - keep.mean().item() == pytest.approx(26 / 256, abs=2e-3)
    assert (keep.mean() * keep_scale(0.1)).item() == pytest.approx(1.0, abs=2e-3)
    assert set(keep.unique().tolist()) == {0.0, 1.0}
    assert [dropped_levels(rate) for rate in (0.0, 1e-6, 0.1, 0.9999)] == [0, 1, 26, 255]


def test_no_dropout_in_evaluation() -> None:
    hidden = normal(2, 3, 8, dtype=torch.float32)
    assert torch.equal(Dropout(0.5, attention_rate=0.5).eval()(hidden), hidden)
    kept = Dropout(0.5, attention_rate=0.5).train()(hidden)
    assert torch.equal(kept[kept != 0], 2.0 * hidden[kept != 0])
    assert (kept == 0).any()
