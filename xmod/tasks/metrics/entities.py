"""Entity-level F1 of named entity recognition, as CoNLL's script conlleval, through seqeval.

An entity counts where its type, first word and last word are all as in the gold tags. Which tags
make an entity is seqeval's default mode, which is conlleval's rule: an entity begins at a B-, and
also at an I- that follows an O, the sentence's begin or another type; it goes on through I- of its
type. seqeval's mode="strict" is another metric, for which such an I- is no entity: it gives other
numbers than conlleval and than what is published on WikiANN, whose gold tags have such I-.

seqeval is imported where it is used: with it comes scikit-learn, which takes a second that jobs of
other tasks need not wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xmod.tasks.examples import NER_TAGS, NerExample
from xmod.tasks.metrics.pairing import pair


class EntityCounts(NamedTuple):
    """The entities of one sentence; summed over sentences they give every score."""

    num_gold: int
    num_predicted: int
    num_correct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityScores:
    """Scores over all entities of all types (micro-averaged)."""

    f1: float
    """In percent, as precision and recall."""
    precision: float
    """Of the predicted entities, those that are right; 0 where none is predicted."""
    recall: float
    num_gold: int
    num_predicted: int
    num_correct: int
    num_examples: int
    counts: tuple[EntityCounts, ...]
    """By example, in their order."""


def score_entities(
    examples: Sequence[NerExample], predictions: Mapping[str, Sequence[str]]
) -> EntityScores:
    """Score predicted tags, one a word.

    Raises ValueError for a wrong number of tags, an unknown tag, examples without any entity
    (for which F1 is not defined), and as `pair`.
    """
    pairs = pair(examples, predictions)
    for example, tags in pairs:
        _check_tags(example, tags)
    gold = [list(example.tags) for example, _ in pairs]
    predicted = [list(tags) for _, tags in pairs]
    counts = tuple(map(_count, gold, predicted))
    num_gold, num_predicted, num_correct = map(sum, zip(*counts, strict=True))
    if not num_gold:
        raise ValueError(f"no entity in the gold tags of {len(examples)} examples: no F1")
    from seqeval.metrics.sequence_labeling import (  # type: ignore[import-untyped]
        precision_recall_fscore_support,
    )

    precision, recall, f1, support = precision_recall_fscore_support(
        gold, predicted, average="micro", zero_division=0
    )
    assert support == num_gold
    return EntityScores(
        f1=100 * float(f1),
        precision=100 * float(precision),
        recall=100 * float(recall),
        num_gold=num_gold,
        num_predicted=num_predicted,
        num_correct=num_correct,
        num_examples=len(counts),
        counts=counts,
    )


def _check_tags(example: NerExample, tags: Sequence[str]) -> None:
    if len(tags) != len(example.tags):
        raise ValueError(
            f"prediction of {example.id!r}: {len(tags)} tags; legal: {len(example.tags)}, "
            "one a word"
        )
    for tag in tags:
        if tag not in NER_TAGS:
            raise ValueError(f"prediction of {example.id!r}: {tag!r}; legal: {', '.join(NER_TAGS)}")


def _count(gold: list[str], predicted: list[str]) -> EntityCounts:
    from seqeval.metrics.sequence_labeling import get_entities

    in_gold, in_predicted = set(get_entities(gold)), set(get_entities(predicted))
    return EntityCounts(len(in_gold), len(in_predicted), len(in_gold & in_predicted))
