"""Shared pieces, against a plain comparison of all of them."""

from __future__ import annotations

from xmod.tokenization.overlap import overlap
from xmod.tokenization.vocabulary import Vocabulary


def test_pairs_are_the_equal_pieces(vocabulary: Vocabulary, other_vocabulary: Vocabulary) -> None:
    result = overlap(other_vocabulary, old=vocabulary)
    expected = [
        (new, old)
        for new in range(other_vocabulary.size)
        for old in range(vocabulary.size)
        if other_vocabulary.piece(new) == vocabulary.piece(old)
    ]
    assert [tuple(pair) for pair in result.pairs.tolist()] == expected
    assert result.num_pieces == len(expected) - 5
    assert result.num_pieces < result.num_new_pieces == len(other_vocabulary.pieces)


def test_special_ids_correspond_by_role(
    vocabulary: Vocabulary, other_vocabulary: Vocabulary
) -> None:
    pairs = dict(overlap(other_vocabulary, old=vocabulary).pairs.tolist())
    assert [pairs[id_] for id_ in range(4)] == [0, 1, 2, 3]
    assert pairs[other_vocabulary.mask] == vocabulary.mask


def test_a_vocabulary_overlaps_itself_wholly(vocabulary: Vocabulary) -> None:
    result = overlap(vocabulary, old=vocabulary)
    assert result.num_pieces == result.num_new_pieces
    assert (result.pairs[:, 0] == result.pairs[:, 1]).all()
    assert len(result.pairs) == vocabulary.size
