"""Where modules and micro-batches go: every language somewhere, the work even, any rank agrees."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmod.data.sampling import sampling_probabilities
from xmod.languages import read_languages
from xmod.training.placement import Placement

PROBABILITIES = {"en": 0.4, "fr": 0.3, "sw": 0.2, "to": 0.1}


def test_modules_are_once_on_each_run_of_ranks() -> None:
    placement = Placement.balanced(PROBABILITIES, num_ranks=4, num_shards=2)
    assert [placement.languages(rank) for rank in range(4)] == [("en", "to"), ("fr", "sw")] * 2
    assert [placement.ranks(shard) for shard in range(2)] == [[0, 2], [1, 3]]


def test_one_shard_is_everything_everywhere() -> None:
    placement = Placement.balanced(PROBABILITIES, num_ranks=3)
    assert all(placement.languages(rank) == tuple(PROBABILITIES) for rank in range(3))
    assert placement.assign([(["en", "fr"], 4)]) == [0], "a batch of several languages too"


@given(
    st.lists(st.tuples(st.sampled_from(sorted(PROBABILITIES)), st.integers(1, 8)), max_size=30),
    st.sampled_from([(1, 1), (4, 1), (4, 2), (4, 4), (6, 3)]),
)
def test_a_batch_goes_where_its_module_is_and_the_work_is_even(
    batches: list[tuple[str, int]], shape: tuple[int, int]
) -> None:
    num_ranks, num_shards = shape
    placement = Placement.balanced(PROBABILITIES, num_ranks=num_ranks, num_shards=num_shards)
    owners = placement.assign([([language], size) for language, size in batches])
    load = [0] * num_ranks
    for (language, size), owner in zip(batches, owners, strict=True):
        assert language in placement.languages(owner)
        load[owner] += size
    for shard in range(num_shards):
        of_shard = [load[rank] for rank in placement.ranks(shard)]
        assert max(of_shard) - min(of_shard) <= 8, "never more than the largest batch apart"


def test_a_batch_that_no_rank_can_take_is_an_error() -> None:
    placement = Placement.balanced(PROBABILITIES, num_ranks=2, num_shards=2)
    with pytest.raises(ValueError, match="no rank has the modules of all of en, fr"):
        placement.assign([(["en", "fr"], 4)])


@pytest.mark.parametrize(
    ("num_ranks", "num_shards", "message"),
    [(4, 3, "does not divide the 4 processes"), (8, 8, "only 4 languages")],
)
def test_shards_that_do_not_fit_are_errors(num_ranks: int, num_shards: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Placement.balanced(PROBABILITIES, num_ranks=num_ranks, num_shards=num_shards)


def test_the_papers_languages_are_spread_evenly() -> None:
    table = read_languages(Path("config/languages.tsv"))
    sizes = {one.iso: one.cc100_mb for one in table if one.roles.get("60") == "pretrain"}
    probabilities = sampling_probabilities(sizes, alpha=0.7)
    placement = Placement.balanced(probabilities, num_ranks=64, num_shards=8)
    shares = [sum(probabilities[one] for one in placement.languages(rank)) for rank in range(8)]
    assert max(shares) < 1.02 / 8
