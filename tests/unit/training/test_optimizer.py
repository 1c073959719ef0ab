"""The optimizer, its schedule, clipping and precision."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tests.unit.model.helpers import random_tokens, small_model
from xmod.config_training import TrainingConfig
from xmod.model import MaskedLanguageModel, Segment
from xmod.training.optimizer import (
    build_optimizer,
    clip_gradients,
    learning_rate,
    set_learning_rate,
)
from xmod.training.precision import computing, resolve


def take_step(
    model: MaskedLanguageModel, optimizer: torch.optim.Optimizer, *segments: Segment
) -> None:
    num_sequences = sum(segment.size for segment in segments)
    masked = torch.arange(0, num_sequences * 16, 5)
    nll = model.nll(random_tokens(num_sequences, 16), segments, masked, masked % 60)
    nll.mean().backward()
    clip_gradients(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def test_absent_language_does_not_move_a_bit() -> None:
    """Its momentum and decay are at work by then, and must rest all the same."""
    model = small_model()
    optimizer = build_optimizer(model.parameters(), TrainingConfig(weight_decay=0.5))
    take_step(model, optimizer, Segment("en", 2), Segment("sw", 2))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    state = {
        name: {key: value.clone() for key, value in optimizer.state[p].items()}
        for name, p in model.named_parameters()
        if ".for_en." in name
    }
    take_step(model, optimizer, Segment("sw", 3))
    take_step(model, optimizer, Segment("to", 1), Segment("sw", 1))
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) == (".for_en." in name), name
        if ".for_en." in name:
            for key, value in optimizer.state[parameter].items():
                assert torch.equal(value, state[name][key])


def test_only_what_trains_is_optimized() -> None:
    model = small_model()
    model.encoder.token_embeddings.weight.requires_grad_(False)
    optimizer = build_optimizer(model.parameters(), TrainingConfig())
    count = sum(len(group["params"]) for group in optimizer.param_groups)
    assert count == len(list(model.parameters())) - 1
    set_learning_rate(optimizer, 0.25)
    assert {group["lr"] for group in optimizer.param_groups} == {0.25}


def test_learning_rate_rises_and_falls_linearly() -> None:
    rates = [
        learning_rate(update, budget_updates=10, peak=1.0, warmup_fraction=0.4)
        for update in range(10)
    ]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:] == pytest.approx([1.0, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


@pytest.mark.parametrize("warmup_fraction", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("budget", [1, 2, 7])
def test_learning_rate_is_sane_for_any_budget(budget: int, warmup_fraction: float) -> None:
    for update in range(budget):
        rate = learning_rate(
            update, budget_updates=budget, peak=3.0, warmup_fraction=warmup_fraction
        )
        assert 0.0 < rate <= 3.0


def test_learning_rate_outside_of_the_budget_is_an_error() -> None:
    with pytest.raises(ValueError, match="update 10 is not in the budget of 10"):
        learning_rate(10, budget_updates=10, peak=1.0, warmup_fraction=0.1)


def test_clipping_equals_torchs_and_skips_absent_gradients() -> None:
    model, reference = small_model(), small_model()
    masked = torch.arange(10)
    for each in (model, reference):
        each.eval()
        each.nll(random_tokens(2, 16), [Segment("sw", 2)], masked, masked).sum().backward()
    norm = clip_gradients(model.parameters(), 0.1)
    expected = torch.nn.utils.clip_grad_norm_(reference.parameters(), 0.1)
    torch.testing.assert_close(norm, expected)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        if ours.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad)


def test_no_clipping_below_the_limit_or_at_zero() -> None:
    for max_norm in (0.0, 100.0):
        parameter = torch.nn.Parameter(torch.zeros(2))
        parameter.grad = torch.tensor([3.0, 4.0])
        assert clip_gradients([parameter, torch.nn.Parameter(torch.zeros(1))], max_norm) == 5.0
        assert torch.equal(parameter.grad, torch.tensor([3.0, 4.0]))


def test_infinite_gradients_are_reported_not_spread() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([torch.inf, 1.0])
    assert clip_gradients([parameter], 1.0).isinf()
    assert parameter.grad[1] == 1.0


def test_bfloat16_trains_in_float32_weights() -> None:
    model = small_model(dropout=0.0, attention_dropout=0.0)
    tokens, masked = random_tokens(4, 16), torch.arange(0, 64, 3)
    segments = [Segment("en", 2), Segment("sw", 2)]
    exact = model.nll(tokens, segments, masked, masked % 60)
    with computing("bfloat16", device="cpu"):
        rough = model.nll(tokens, segments, masked, masked % 60)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, atol=0.05, rtol=0.02)
    assert not torch.equal(rough, exact)
    rough.mean().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert {gradient.dtype for gradient in gradients} == {torch.float32}


def test_precision_is_resolved() -> None:
    assert resolve("bfloat16", device="cpu", width=8) == "bfloat16"
    assert resolve("float32", device="cpu", width=4096) == "float32"
    assert resolve("auto", device="cpu", width=8) == "float32"


def test_steps_are_those_of_pytorchs_adamw() -> None:
    """Bit for bit, state included, over steps with a gradient and without one."""
    config = TrainingConfig()
    models = [small_model() for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    own = build_optimizer(models[0].parameters(), config)
    names = ("lr", "betas", "eps", "weight_decay", "fused")
    theirs = torch.optim.AdamW(
        models[1].parameters(), **{name: own.defaults[name] for name in names}
    )
    for segment in (Segment("en", 2), Segment("sw", 2)):
        for model, optimizer in zip(models, (own, theirs), strict=True):
            torch.manual_seed(1)
            take_step(model, optimizer, segment)
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(one, other)
    states = [optimizer.state_dict()["state"] for optimizer in (own, theirs)]
    assert states[0].keys() == states[1].keys() != set()
    for place, state in states[0].items():
        for name, value in state.items():
            assert torch.equal(value, states[1][place][name])


def test_pytorchs_compiler_is_not_started() -> None:
    """It takes longer than all else of a short job's start."""
    code = (
        "import sys, torch\n"
        "from xmod.config_training import TrainingConfig\n"
        "from xmod.training.optimizer import build_optimizer\n"
        "one = torch.nn.Parameter(torch.ones(2))\n"
        "optimizer = build_optimizer([one], TrainingConfig())\n"
        "one.grad = torch.ones(2)\n"
        "optimizer.step()\n"
        "optimizer.load_state_dict(optimizer.state_dict())\n"
        "optimizer.zero_grad(set_to_none=True)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
