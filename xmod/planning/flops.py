"""How much arithmetic a pass through the model is: a formula for every matrix product.

A product of (m, n) and (n, k) is 2 m n k floating-point operations. Everything else (norms,
gelu, softmax, dropout, the optimizer) is left out, as is usual; it is elementwise and limited by
memory. What is counted is what xmod.model does:

- attention has 4 products of width by width a token, and 2 with the sequence's length;
- what comes after the last layer's attention is done for the tokens that are read alone: the
  masked ones in pre-training, `<s>` in sentence classification;
- the head is applied to the masked tokens alone, its decoder to the whole vocabulary;
- backward, a product costs as much again for the gradient of its input, where something trained
  lies before it, and as much again for that of its weights, where these are trained.

A test compares this with a count by hand, and with what PyTorch counts in a real step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from xmod.config import ModelConfig

Part = Literal["body", "embeddings", "positions", "modules"]
"""What of a model is trained or frozen; the body is all that is never one language's."""
Head = Literal["mlm", "sentence", "token"]
EVERYTHING: frozenset[Part] = frozenset(("body", "embeddings", "positions", "modules"))


class Step(NamedTuple):
    """A matrix product, in the order of the forward pass; or none, where `forward` is 0."""

    forward: float
    weights: Part | None
    """Whose its weights are; None where both factors are computed, as in attention."""


def pass_flops(
    model: ModelConfig,
    *,
    has_modules: bool,
    head: Head,
    num_outputs: int,
    num_tokens: float,
    length: float,
    num_read: float,
    trains: Collection[Part] = (),
) -> float:
    """Of `num_tokens` in sequences of `length`, of which the last layer reads `num_read`.

    `num_outputs` is the head's: the vocabulary's size, or a task's classes. With `trains` empty a
    forward pass, else forward and backward of a training that trains these parts.
    """
    total, flows = 0.0, False
    for step in _steps(
        model, has_modules=has_modules, head=head, num_outputs=num_outputs,
        num_tokens=num_tokens, length=length, num_read=num_read,
    ):  # fmt: skip
        total += step.forward
        if step.weights is None:
            total += 2 * step.forward * flows
        else:
            is_trained = step.weights in trains
            total += step.forward * (flows + is_trained)
            flows = flows or is_trained
    return total


def _steps(
    model: ModelConfig,
    *,
    has_modules: bool,
    head: Head,
    num_outputs: int,
    num_tokens: float,
    length: float,
    num_read: float,
) -> Iterator[Step]:
    width = model.width
    for part in ("embeddings", "positions"):  # looked up and added; their LayerNorm goes with them
        yield Step(0.0, part)
    for layer in range(model.num_layers):
        is_last = layer == model.num_layers - 1
        num_after = num_read if is_last else num_tokens
        yield Step(2 * num_tokens * width * 3 * width, "body")
        yield Step(2 * 2 * num_tokens * length * width, None)
        yield Step(2 * num_after * width * width, "body")
        for _ in ("in", "out"):
            yield Step(2 * num_after * width * model.feed_forward, "body")
        for _ in ("down", "up") if has_modules else ():
            yield Step(2 * num_after * width * model.bottleneck, "modules")
    if head != "token":
        yield Step(2 * num_read * width * width, "body")
    decoder: Part = "embeddings" if head == "mlm" else "body"
    yield Step(2 * num_read * width * num_outputs, decoder)
