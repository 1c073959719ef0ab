"""Each example with its prediction: exactly one each, so that no score is of a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

P = TypeVar("P")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


E = TypeVar("E", bound=_HasId)


def pair(examples: Sequence[E], predictions: Mapping[str, P]) -> list[tuple[E, P]]:
    """The examples in their order, each with the prediction of its id.

    Raises ValueError where there is no example, where two have one id, and where an example has no
    prediction or the other way round. The official scripts score a missing prediction 0; here it
    is a fault of the caller and would pass for a bad model.
    """
    if not examples:
        raise ValueError("no example: a score of nothing is not defined")
    ids = {example.id for example in examples}
    if len(ids) < len(examples):
        raise ValueError(f"{len(examples)} examples with {len(ids)} ids; legal: an id each")
    for problem, odd in (
        ("examples without a prediction", ids - predictions.keys()),
        ("predictions without an example", predictions.keys() - ids),
    ):
        if odd:
            raise ValueError(f"{len(odd)} {problem}, such as {min(odd)!r}; legal: one each")
    return [(example, predictions[example.id]) for example in examples]
