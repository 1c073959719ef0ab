"""The parts of a training step that pay to be differentiated by hand on a CPU.

Each computes what the plain formulas compute. What it saves is passes over memory, copies and
graph nodes: docs/benchmarks.md says how much. Evaluation and GPUs use the plain formulas.

Shapes: B sequences, L length, D width, H heads, N sequences times heads, E width of a head,
X three times D, M masked tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """`function.apply`, with a type."""
    result: Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return result


def product(left_Nij: Tensor, right_Njk: Tensor, *, factor: float, out: Tensor) -> Tensor:
    """`factor * left @ right` into `out`: the factor costs nothing there."""
    return out.baddbmm_(left_Nij, right_Njk, beta=0.0, alpha=factor)


class AddNorm(torch.autograd.Function):
    """`layer_norm(residual + dropout(hidden))`."""

    @staticmethod
    def forward(
        ctx: Any,
        residual_BLD: Tensor,
        hidden_BLD: Tensor,
        mask_BLD: Tensor | None,
        scale: float,
        weight_D: Tensor,
        bias_D: Tensor,
        epsilon: float,
    ) -> Tensor:
        if mask_BLD is None:
            total_BLD = residual_BLD + hidden_BLD
        else:
            total_BLD = torch.addcmul(residual_BLD, hidden_BLD, mask_BLD, value=scale)
        output_BLD, mean, deviation = torch.native_layer_norm(
            total_BLD, weight_D.shape, weight_D, bias_D, epsilon
        )
        ctx.scale = scale
        ctx.save_for_backward(total_BLD, mask_BLD, weight_D, bias_D, mean, deviation)
        return output_BLD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_BLD: Tensor) -> tuple[Tensor | None, ...]:
        total_BLD, mask_BLD, weight_D, bias_D, mean, deviation = ctx.saved_tensors
        wanted = [True, ctx.needs_input_grad[4], ctx.needs_input_grad[5]]
        to_total_BLD, to_weight_D, to_bias_D = torch.ops.aten.native_layer_norm_backward(
            gradient_BLD, total_BLD, weight_D.shape, mean, deviation, weight_D, bias_D, wanted
        )
        to_hidden_BLD = to_total_BLD
        if mask_BLD is not None:
            to_hidden_BLD = (to_total_BLD * mask_BLD).mul_(ctx.scale)
        return to_total_BLD, to_hidden_BLD, None, None, to_weight_D, to_bias_D, None


class Attention(torch.autograd.Function):
    """Attention with dropout on its probabilities: PyTorch's own falls back to slow code there.

    Queries, keys and values are laid out for the batched products by one copy, and their
    gradients come back by one.
    """

    @staticmethod
    def forward(
        ctx: Any,
        projected_BLX: Tensor,
        num_heads: int,
        bias_B11L: Tensor | None,
        mask_NLL: Tensor | None,
        scale: float,
    ) -> Tensor:
        num_sequences, length, triple = projected_BLX.shape
        head_width = triple // (3 * num_heads)
        split = projected_BLX.view(num_sequences, length, 3, num_heads, head_width)
        stacked_3NLE = split.permute(2, 0, 3, 1, 4).reshape(3, -1, length, head_width)
        query_NLE, key_NLE, value_NLE = stacked_3NLE.unbind(0)
        scores_NLL = stacked_3NLE.new_empty(len(query_NLE), length, length)
        product(query_NLE, key_NLE.transpose(1, 2), factor=head_width**-0.5, out=scores_NLL)
        if bias_B11L is not None:
            scores_NLL.view(num_sequences, num_heads, length, length).add_(bias_B11L)
        chances_NLL = torch.softmax(scores_NLL, -1, out=scores_NLL)
        weights_NLL = chances_NLL if mask_NLL is None else chances_NLL * mask_NLL
        output_NLE = product(weights_NLL, value_NLE, factor=scale, out=torch.empty_like(value_NLE))
        ctx.num_heads, ctx.scale = num_heads, scale
        ctx.save_for_backward(stacked_3NLE, chances_NLL, mask_NLL)
        heads = output_NLE.view(num_sequences, num_heads, length, head_width)
        return heads.transpose(1, 2).reshape(num_sequences, length, triple // 3)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_BLD: Tensor) -> tuple[Tensor | None, ...]:
        stacked_3NLE, chances_NLL, mask_NLL = ctx.saved_tensors
        query_NLE, key_NLE, value_NLE = stacked_3NLE.unbind(0)
        num_sequences, length, width = gradient_BLD.shape
        heads = gradient_BLD.view(num_sequences, length, ctx.num_heads, -1).transpose(1, 2)
        gradient_NLE = heads.reshape(value_NLE.shape)
        result_3NLE = torch.empty_like(stacked_3NLE)
        to_query_NLE, to_key_NLE, to_value_NLE = result_3NLE.unbind(0)

        weights_NLL = chances_NLL if mask_NLL is None else chances_NLL * mask_NLL
        product(weights_NLL.transpose(1, 2), gradient_NLE, factor=ctx.scale, out=to_value_NLE)
        buffer_NLL = torch.empty_like(chances_NLL) if mask_NLL is None else weights_NLL
        product(gradient_NLE, value_NLE.transpose(1, 2), factor=ctx.scale, out=buffer_NLL)
        if mask_NLL is not None:
            buffer_NLL.mul_(mask_NLL)
        to_scores_NLL = torch.ops.aten._softmax_backward_data(
            buffer_NLL, chances_NLL, -1, chances_NLL.dtype
        )
        factor = query_NLE.shape[2] ** -0.5
        product(to_scores_NLL, key_NLE, factor=factor, out=to_query_NLE)
        product(to_scores_NLL.transpose(1, 2), query_NLE, factor=factor, out=to_key_NLE)
        split = result_3NLE.view(3, num_sequences, ctx.num_heads, length, -1)
        to_projected = split.permute(1, 3, 0, 2, 4).reshape(num_sequences, length, 3 * width)
        return to_projected, None, None, None, None


class TargetNll(torch.autograd.Function):
    """Negative log-likelihoods of targets under `softmax(hidden @ embeddings.T + bias)`.

    PyTorch's own chain fills, reads and writes three further tensors of M x V. Here the logits
    become the probabilities in place, and those the gradient, which can be done once only.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_MD: Tensor, embeddings_VD: Tensor, bias_V: Tensor, targets_M: Tensor
    ) -> Tensor:
        logits_MV = torch.addmm(bias_V, hidden_MD, embeddings_VD.T).float()
        targets_M1 = targets_M[:, None]
        # log(sum(exp)) from the largest logit, whose probability is at least 1 / V.
        gap_M = logits_MV.amax(1) - logits_MV.gather(1, targets_M1).squeeze(1)
        chances_MV = torch.softmax(logits_MV, 1, out=logits_MV)
        nll_M = gap_M - chances_MV.amax(1).log_()
        ctx.is_spent = False
        ctx.save_for_backward(hidden_MD, embeddings_VD, targets_M1, chances_MV)
        return nll_M

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_M: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.is_spent:
            raise RuntimeError("a backward pass through the same loss works once only")
        ctx.is_spent = True
        hidden_MD, embeddings_VD, targets_M1, chances_MV = ctx.saved_tensors
        gradient_M1 = gradient_M[:, None]
        to_logits_MV = chances_MV.mul_(gradient_M1).scatter_add_(1, targets_M1, -gradient_M1)
        to_logits_MV = to_logits_MV.to(hidden_MD.dtype)
        to_embeddings_VD = to_logits_MV.T @ hidden_MD if ctx.needs_input_grad[1] else None
        to_bias_V = to_logits_MV.sum(0) if ctx.needs_input_grad[2] else None
        return to_logits_MV @ embeddings_VD, to_embeddings_VD, to_bias_V, None
