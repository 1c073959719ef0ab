"""Entity F1 against cases counted by hand by conlleval's rules, and against the rule itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score  # type: ignore[import-untyped]
from seqeval.scheme import IOB2  # type: ignore[import-untyped]

from xmod.tasks.examples import NER_TAGS, NerExample
from xmod.tasks.metrics.entities import EntityScores, score_entities

TagLists = list[list[str]]


def score(gold: TagLists, predicted: TagLists) -> EntityScores:
    examples = [
        NerExample(str(id_), ("word",) * len(tags), tuple(tags)) for id_, tags in enumerate(gold)
    ]
    return score_entities(examples, {str(id_): tags for id_, tags in enumerate(predicted)})


@pytest.mark.parametrize(
    ("gold", "predicted", "counts"),
    [
        # An entity is right as a whole or not at all.
        ("B-PER I-PER O", "B-PER I-PER O", (1, 1, 1)),
        ("B-PER I-PER O", "B-PER O O", (1, 1, 0)),
        ("B-PER I-PER O", "B-PER I-PER I-PER", (1, 1, 0)),
        ("B-PER I-PER O", "B-ORG I-ORG O", (1, 1, 0)),
        ("B-PER I-PER O", "O O O", (1, 0, 0)),
        # A B- begins a new one; an I- goes on.
        ("B-PER B-PER O", "B-PER I-PER O", (2, 1, 0)),
        ("B-LOC I-LOC B-LOC", "B-LOC I-LOC B-LOC", (2, 2, 2)),
        # An I- after an O, at the begin, or after another type begins one, as in conlleval.
        ("B-PER I-PER O", "I-PER I-PER O", (1, 1, 1)),
        ("O B-LOC I-LOC", "O I-LOC I-LOC", (1, 1, 1)),
        ("B-PER B-ORG O", "B-PER I-ORG O", (2, 2, 2)),
        ("B-PER I-ORG I-ORG", "B-PER B-ORG I-ORG", (2, 2, 2)),
        ("B-PER I-PER I-PER", "B-PER I-LOC I-PER", (1, 3, 0)),
        ("O I-ORG O I-ORG", "O B-ORG O B-ORG", (2, 2, 2)),
    ],
)
def test_by_hand(gold: str, predicted: str, counts: tuple[int, int, int]) -> None:
    scores = score([gold.split()], [predicted.split()])
    assert scores.counts == (counts,)
    num_gold, num_predicted, num_correct = counts
    assert scores.recall == pytest.approx(100 * num_correct / num_gold)
    assert scores.precision == (
        pytest.approx(100 * num_correct / num_predicted) if num_predicted else 0
    )
    assert scores.f1 == pytest.approx(200 * num_correct / (num_gold + num_predicted))


def test_all_entities_count_alike() -> None:
    """Micro-averaged: 2 of 3 are found, with 4 predicted, whatever their type or sentence."""
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"]]
    predicted = [["B-PER", "I-PER", "O", "B-ORG"], ["B-LOC", "B-LOC"]]
    scores = score(gold, predicted)
    assert (scores.num_gold, scores.num_predicted, scores.num_correct) == (3, 4, 2)
    assert scores.precision == 50.0
    assert scores.recall == pytest.approx(200 / 3)
    assert scores.f1 == pytest.approx(400 / 7)
    assert scores.num_examples == 2
    assert scores.counts == ((2, 2, 1), (1, 2, 1))


def test_an_entity_ends_with_its_sentence() -> None:
    scores = score([["O", "B-PER"], ["I-PER", "O"]], [["O", "B-PER"], ["I-PER", "O"]])
    assert scores.counts == ((1, 1, 1), (1, 1, 1))


def test_strict_mode_is_another_metric() -> None:
    """Why it is not used: an I- without its B- is no entity for it, in gold tags as well."""
    gold, predicted = [["O", "I-LOC", "O"]], [["O", "I-LOC", "O"]]
    assert score(gold, predicted).f1 == 100.0
    assert f1_score(gold, predicted, mode="strict", scheme=IOB2, zero_division=0) == 0.0


def conlleval_entities(tags: list[str]) -> set[tuple[int, int, str]]:
    """First word, end and type of each entity, by conlleval's rule in other words than seqeval's.

    A tag goes on an entity where it is an I- and the tag before it, of whichever prefix, has its
    type; every other B- or I- begins one.
    """
    begins = [
        tag != "O" and (tag[0] == "B" or before[2:] != tag[2:])
        for before, tag in zip(["O", *tags], tags, strict=False)
    ]
    entities = set()
    for first, is_begin in enumerate(begins):
        if is_begin:
            end = first + 1
            while end < len(tags) and tags[end] != "O" and not begins[end]:
                end += 1
            entities.add((first, end, tags[first][2:]))
    return entities


tag_pairs = st.lists(
    st.lists(st.tuples(st.sampled_from(NER_TAGS), st.sampled_from(NER_TAGS)), max_size=12),
    min_size=1,
    max_size=4,
).filter(lambda sentences: any(gold != "O" for pairs in sentences for gold, _ in pairs))


@given(sentences=tag_pairs)
def test_against_the_rule(sentences: list[list[tuple[str, str]]]) -> None:
    gold = [[tag for tag, _ in pairs] for pairs in sentences]
    predicted = [[tag for _, tag in pairs] for pairs in sentences]
    scores = score(gold, predicted)
    expected = []
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        one, other = conlleval_entities(gold_tags), conlleval_entities(predicted_tags)
        expected.append((len(one), len(other), len(one & other)))
    assert scores.counts == tuple(expected)
    totals = [sum(column) for column in zip(*expected, strict=True)]
    assert [scores.num_gold, scores.num_predicted, scores.num_correct] == totals
    assert scores.f1 == pytest.approx(200 * totals[2] / (totals[0] + totals[1]))
    assert scores.f1 == pytest.approx(100 * f1_score(gold, predicted, zero_division=0))


@given(sentences=tag_pairs)
def test_gold_scores_100_and_f1_is_symmetric(sentences: list[list[tuple[str, str]]]) -> None:
    gold = [[tag for tag, _ in pairs] for pairs in sentences]
    predicted = [[tag for _, tag in pairs] for pairs in sentences]
    assert score(gold, gold).f1 == pytest.approx(100.0)
    scores = score(gold, predicted)
    assert 0 <= scores.f1 <= 100
    if scores.num_predicted:
        turned = score(predicted, gold)
        assert turned.f1 == pytest.approx(scores.f1)
        assert turned.precision == pytest.approx(scores.recall)


@pytest.mark.parametrize(
    ("gold", "predicted", "problem"),
    [
        ("B-PER O", "B-PER", "prediction of '0': 1 tags; legal: 2, one a word"),
        ("B-PER", "B-MISC", "prediction of '0': 'B-MISC'; legal: O, B-PER, "),
        ("O O", "O B-PER", "no entity in the gold tags of 1 examples: no F1"),
    ],
)
def test_what_cannot_be_scored_is_refused(gold: str, predicted: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        score([gold.split()], [predicted.split()])
