"""Examples and predictions: exactly one each."""

from __future__ import annotations

import pytest

from xmod.tasks.examples import NliExample
from xmod.tasks.metrics.pairing import pair


def example(id: str) -> NliExample:
    return NliExample(id, "A", "B", "neutral")


def test_the_order_is_the_examples() -> None:
    examples = [example("b"), example("a")]
    assert pair(examples, {"a": 1, "b": 2}) == [(examples[0], 2), (examples[1], 1)]


@pytest.mark.parametrize(
    ("ids", "predicted", "problem"),
    [
        ("", "", "no example: a score of nothing is not defined"),
        ("aa", "a", "2 examples with 1 ids; legal: an id each"),
        ("abc", "a", "2 examples without a prediction, such as 'b'; legal: one each"),
        ("a", "azy", "2 predictions without an example, such as 'y'; legal: one each"),
    ],
)
def test_what_does_not_pair_is_refused(ids: str, predicted: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        pair([example(id_) for id_ in ids], dict.fromkeys(predicted, 0))
