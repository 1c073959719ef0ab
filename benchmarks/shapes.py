"""What is measured: model shapes, batches and contenders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Library = Literal["xmod", "transformers"]
Precision = Literal["float32", "bfloat16"]

Step = Callable[[], int]
"""Does a piece of work; returns how much it was, in tokens, sequences or questions."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model and a batch of one language."""

    name: str
    num_layers: int
    width: int
    num_heads: int
    feed_forward: int
    bottleneck: int
    vocabulary_size: int
    num_languages: int
    num_threads: int
    num_sequences: int
    """Of pre-training, as `length`; tasks have their own."""
    length: int


class Contender(Protocol):
    """One side of a comparison, as it is sent to the process that it runs in."""

    @property
    def label(self) -> str: ...

    @property
    def num_threads(self) -> int: ...

    def build(self) -> Step: ...


@dataclass(frozen=True, kw_only=True)
class ModelContender(ABC):
    """A model of one of the libraries, at work that a subclass says."""

    library: Library
    precision: Precision
    shape: Shape

    @property
    def label(self) -> str:
        return f"{type(self).__name__.lower()} {self.shape.name} ({self.library}, {self.way})"

    @property
    def num_threads(self) -> int:
        return self.shape.num_threads

    @property
    def way(self) -> str:
        """How it works, as a table says it."""
        return self.precision

    def build(self) -> Step:
        return self.our_step() if self.library == "xmod" else self.their_step()

    @abstractmethod
    def our_step(self) -> Step: ...

    @abstractmethod
    def their_step(self) -> Step: ...


TINY = Shape(
    name="tiny",
    num_layers=4,
    width=128,
    num_heads=4,
    feed_forward=512,
    bottleneck=64,
    vocabulary_size=8_000,
    num_languages=13,
    num_threads=2,
    num_sequences=32,
    length=128,
)
SMALL = Shape(
    name="small",
    num_layers=6,
    width=256,
    num_heads=8,
    feed_forward=1024,
    bottleneck=128,
    vocabulary_size=16_000,
    num_languages=30,
    num_threads=2,
    num_sequences=8,
    length=256,
)
BASE = Shape(
    name="base",
    num_layers=12,
    width=768,
    num_heads=12,
    feed_forward=3072,
    bottleneck=384,
    vocabulary_size=32_000,
    num_languages=13,
    num_threads=2,
    num_sequences=2,
    length=512,
)
TOY = Shape(
    name="toy",
    num_layers=2,
    width=32,
    num_heads=2,
    feed_forward=64,
    bottleneck=16,
    vocabulary_size=500,
    num_languages=75,
    num_threads=1,
    num_sequences=1,
    length=8,
)
"""For counting, not for timing."""
PARITY = Shape(
    name="parity",
    num_layers=3,
    width=48,
    num_heads=4,
    feed_forward=96,
    bottleneck=24,
    vocabulary_size=300,
    num_languages=4,
    num_threads=1,
    num_sequences=12,
    length=24,
)
"""For comparing what engines compute."""
