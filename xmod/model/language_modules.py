"""Bottleneck modules, and the one place where a sequence is routed to its language's module.

Shapes: B sequences, L length, M tokens that are read, R either (B, L) or M, D width,
K bottleneck, G groups of N tokens.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from xmod.config_section import ModuleKind

SHARED_MODULE = "shared"
"""The name of the one module of a model whose languages share it."""

STACKED_WIDTH = 128
"""Up to here the overhead of a call is more than a module's arithmetic (measured: our choice)."""


class Segment(NamedTuple):
    """A run of consecutive sequences of a batch, or of tokens, that are of one language."""

    language: str
    size: int


class Bottleneck(nn.Module):
    """`W2 gelu(W1 r + b1) + b2`; the residual is the layer's business (X-MOD section 3)."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, bottleneck)
        self.up = nn.Linear(bottleneck, width)

    def forward(self, hidden_BLD: Tensor) -> Tensor:
        hidden_BLK = functional.gelu(self.down(hidden_BLD))
        output_BLD: Tensor = self.up(hidden_BLK)
        return output_BLD


class LanguageModules(nn.Module):
    """The modules of one layer: one a language, or one for all, each with its own parameters.

    Parameters are separate, not stacked, so that a language absent from an optimizer step keeps
    the gradient None and an optimizer leaves it alone.
    """

    def __init__(
        self, kind: ModuleKind, *, languages: Sequence[str], width: int, bottleneck: int
    ) -> None:
        super().__init__()
        names = {"language": languages, "shared": (SHARED_MODULE,), "none": ()}[kind]
        self.is_shared = kind == "shared"
        # Under a prefix, because `to` is a language (Tongan) and a method of nn.Module.
        self.by_name = nn.ModuleDict({_key(name): Bottleneck(width, bottleneck) for name in names})

    def of(self, language: str) -> Bottleneck:
        """The module that sequences of `language` go through."""
        module = self.by_name[_key(SHARED_MODULE if self.is_shared else language)]
        assert isinstance(module, Bottleneck)
        return module

    def named(self) -> Iterator[tuple[str, Bottleneck]]:
        """Each module with its language, or `shared`."""
        for key, module in self.by_name.items():
            assert isinstance(module, Bottleneck)
            yield key.removeprefix(_PREFIX), module

    def forward(self, hidden_RD: Tensor, segments: Sequence[Segment]) -> Tensor:
        """Each sequence, or token, through its language's module, without the residual."""
        if self.is_shared or len(segments) == 1:
            whole_RD: Tensor = self.of(segments[0].language)(hidden_RD)
            return whole_RD
        if hidden_RD.dim() == 3 and hidden_RD.shape[-1] <= STACKED_WIDTH:
            return self._stacked(hidden_RD, segments)
        parts = torch.split(hidden_RD, [segment.size for segment in segments])
        outputs = [
            self.of(segment.language)(part) for segment, part in zip(segments, parts, strict=True)
        ]
        return torch.cat(outputs)

    def _stacked(self, hidden_BLD: Tensor, segments: Sequence[Segment]) -> Tensor:
        """As a batched product, in groups of equal size: one call each instead of one a segment.

        The stack is made for this call only. Each module's parameters stay its own, and so do
        their gradients.
        """
        size = math.gcd(*(segment.size for segment in segments))
        modules = [
            self.of(segment.language) for segment in segments for _ in range(segment.size // size)
        ]
        hidden_GND = hidden_BLD.reshape(len(modules), -1, hidden_BLD.shape[2])
        hidden_GNK = functional.gelu(_multiply(hidden_GND, [module.down for module in modules]))
        return _multiply(hidden_GNK, [module.up for module in modules]).view_as(hidden_BLD)


def _multiply(hidden_GND: Tensor, linears: Sequence[nn.Linear]) -> Tensor:
    """Each group through its own linear layer."""
    weights_GKD = torch.stack([linear.weight for linear in linears])
    biases_GK = torch.stack([linear.bias for linear in linears])
    return torch.baddbmm(biases_GK[:, None], hidden_GND, weights_GKD.transpose(1, 2))


def check_segments(
    segments: Sequence[Segment], *, languages: Sequence[str], num_sequences: int
) -> None:
    """Raises ValueError on a language the model lacks, or segments that do not fill the batch."""
    for segment in segments:
        if segment.language not in languages:
            raise ValueError(
                f"no module for language {segment.language!r}; "
                f"this model's languages are {', '.join(languages)}"
            )
    total = sum(segment.size for segment in segments)
    if total != num_sequences or any(segment.size < 1 for segment in segments):
        raise ValueError(
            f"segments {[tuple(segment) for segment in segments]} hold {total} sequences, "
            f"but the batch has {num_sequences}"
        )


def segments_of_tokens(
    segments: Sequence[Segment], read_M: Tensor, *, length: int
) -> Sequence[Segment]:
    """The segments of tokens, from those of their sequences of `length` tokens (B of them).

    `read_M` are the tokens, ascending indices into B * L.
    """
    if len(segments) == 1:  # nothing to count, for which a GPU would have to be waited for
        return [Segment(segments[0].language, len(read_M))]
    ends = itertools.accumulate(segment.size * length for segment in segments)
    counted = torch.searchsorted(read_M, torch.tensor(list(ends), device=read_M.device)).tolist()
    return [
        Segment(segment.language, end - begin)
        for segment, begin, end in zip(segments, [0, *counted], counted, strict=False)
    ]


_PREFIX = "for_"


def _key(name: str) -> str:
    return _PREFIX + name
