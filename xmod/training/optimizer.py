"""AdamW, its learning rate and gradient clipping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from xmod.config_training import OptimizerConfig


class EagerAdamW(torch.optim.AdamW):
    """PyTorch's AdamW without its compiler.

    To keep the compiler out of an optimizer's way PyTorch imports it, which takes more than a
    second of every process, a third of the start of a short job. Nothing is compiled here. Where
    PyTorch does it otherwise than in 2.13, this is its AdamW as it is.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        # `_disable_dynamo` keeps what it made of a function here, and
        # `_use_grad_for_differentiable` only sets whether gradients are on.
        plain = getattr(torch.optim.AdamW.step, "__wrapped__", torch.optim.AdamW.step)
        return plain(self, closure)


def _leave_compiler_out() -> None:
    for method in vars(torch.optim.Optimizer).values():
        plain = getattr(method, "__wrapped__", None)
        if plain is not None:
            plain.__dynamo_disable = plain


def build_optimizer(
    parameters: Iterable[nn.Parameter], config: OptimizerConfig
) -> torch.optim.AdamW:
    """AdamW over the parameters that train, in one group: all of them decay.

    Its learning rate is set before every step, by `set_learning_rate`.

    fairseq's Adam, with which RoBERTa and X-MOD were trained, decays decoupled from the gradient
    and spares neither biases nor LayerNorms; so does this. A parameter whose gradient is None
    is left as it is, bit for bit: no decay, no momentum, and its own step count does not move.
    Between steps, `zero_grad(set_to_none=True)` is what keeps an absent language's gradient None.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    _leave_compiler_out()
    return EagerAdamW(
        trained,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        weight_decay=config.weight_decay,
        fused=all(parameter.device.type in ("cpu", "cuda") for parameter in trained),
    )


def learning_rate(
    update: int, *, budget_updates: int, peak: float, warmup_fraction: float
) -> float:
    """The rate of `update`, counted from 0: linear up to `peak`, then linear down towards 0.

    The last warm-up update has the peak, and the one after the budget would have 0, so that no
    update of the budget is spent at rate 0. Raises ValueError outside of the budget.
    """
    if not 0 <= update < budget_updates:
        raise ValueError(f"update {update} is not in the budget of {budget_updates} updates")
    warmup_updates = min(round(warmup_fraction * budget_updates), budget_updates)
    if update < warmup_updates:
        return peak * (update + 1) / warmup_updates
    return peak * (budget_updates - update) / max(budget_updates - warmup_updates, 1)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> Tensor:
    """Scale the gradients down to a norm of `max_norm`, if it is above; 0 for no clipping.

    Returns the norm before (a scalar tensor). Absent gradients (None) stay absent and count
    for nothing. A norm that is not finite leaves the gradients alone: the caller stops on it.
    """
    trained = list(parameters)
    norm = gradient_norm(trained)
    scale_gradients(trained, norm.item(), max_norm)
    return norm


@torch.no_grad()
def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """The norm of all gradients together (a scalar tensor)."""
    gradients = _gradients(parameters)
    if not gradients:
        return torch.zeros(())
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm


@torch.no_grad()
def scale_gradients(parameters: Iterable[nn.Parameter], norm: float, max_norm: float) -> None:
    """Scale gradients of norm `norm` down to `max_norm`, if it is above; 0 for no clipping."""
    if 0.0 < max_norm < norm < torch.inf:
        torch._foreach_mul_(_gradients(parameters), max_norm / norm)


def _gradients(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]
