"""The grid: the paper's cells, ids that read back, axes that disturb nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmod.cells import Cell, format_updates, format_value, parse_updates, parse_value
from xmod.config_errors import ConfigError
from xmod.grid import Grid, expand
from xmod.languages import LanguageTable

PAPER_CELLS = {
    f"{variant}.base.{languages}.{updates}"
    for variant in ("shared", "xmod")
    for languages, updates in (
        ("13", "125k"),
        *(("30", "125k"), ("30", "195k")),
        *(("60", "125k"), ("60", "265k")),
        *(("75", "125k"), ("75", "269k")),
    )
}
"""X-MOD section 4.1; the X-MOD half is spelt as the released checkpoints are."""


def ids(grid: Grid) -> list[str]:
    return [cell.id for cell in grid.cells]


def expanded(raw: dict[str, Any], table: LanguageTable) -> Grid:
    return expand(raw, table, origin="test.yaml")


def test_the_papers_grid_is_expanded(paper: dict[str, Any], table: LanguageTable) -> None:
    grid = expanded(paper, table)
    assert set(ids(grid)) == PAPER_CELLS
    assert len(grid.points) == 16  # with 13 languages both budgets are one cell
    assert len(ids(grid)) == 14


def test_points_keep_their_budgets_name(paper: dict[str, Any], table: LanguageTable) -> None:
    grid = expanded(paper, table)
    shared = [point for point in grid.points if point.cell.id == "xmod.base.13.125k"]
    assert [dict(point.axes)["budget"] for point in shared] == ["equal_steps", "equal_examples"]


def test_a_budget_may_be_a_number(paper: dict[str, Any], table: LanguageTable) -> None:
    paper["experiments"]["longer"] = {
        "axes": {"variant": ["xmod"], "language_set": [13], "budget": ["equal_steps", 250000]}
    }
    grid = expanded(paper, table)
    longer = [point.cell.id for point in grid.points if point.experiment == "longer"]
    assert longer == ["xmod.base.13.125k", "xmod.base.13.250k"]
    assert len(ids(grid)) == 15


def test_pinned_budgets_hold_only_where_they_were_computed(
    paper: dict[str, Any], table: LanguageTable
) -> None:
    paper["experiments"]["main"]["axes"]["pretrain.sampling_alpha"] = [0.3]
    by_point = {
        (dict(point.axes)["language_set"], dict(point.axes)["budget"]): point.cell.budget_updates
        for point in expanded(paper, table).points
    }
    assert by_point["60", "equal_steps"] == 125_000
    assert by_point["60", "equal_examples"] != 265_000


ALPHAS = st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]), min_size=1, max_size=3, unique=True)
WIDTHS = st.lists(st.sampled_from([32, 48, 64, 96]), min_size=1, max_size=3, unique=True)
SEEDS = st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True)


@settings(max_examples=40, deadline=None)
@given(alphas=ALPHAS, widths=WIDTHS, seeds=SEEDS)
def test_a_new_axis_at_its_default_keeps_every_cell(
    shipped: dict[str, Any],
    table: LanguageTable,
    alphas: list[float],
    widths: list[int],
    seeds: list[int],
) -> None:
    """Adding axes that contain the configuration's own values renames and changes no cell."""
    small = copy.deepcopy(shipped["small"])
    small["experiments"] = {"main": small["experiments"]["main"]}
    before = expanded(small, table)
    axes = small["experiments"]["main"]["axes"]
    axes["pretrain.sampling_alpha"] = [*dict.fromkeys([*alphas, 0.7])]
    axes["model.width"] = [*dict.fromkeys([*widths, before.configs[ids(before)[0]].model.width])]
    axes["seed"] = [*dict.fromkeys([*seeds, 1])]
    after = expanded(small, table)
    assert set(ids(before)) <= set(ids(after))
    for cell in ids(before):
        assert after.configs[cell].model == before.configs[cell].model
        assert after.configs[cell].pretrain == before.configs[cell].pretrain
    assert len(after.points) == len(before.points) * (
        len(axes["pretrain.sampling_alpha"]) * len(axes["model.width"]) * len(axes["seed"])
    )
    assert [Cell.from_id(cell) for cell in ids(after)] == list(after.cells)


WORDS = st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True) | st.sampled_from(
    ("13", "60-swapped", "-1", "1e5", "007", "true", "false", "null", "NaN", "-Infinity", "e", "_1")
)
VALUES = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
KEYS = st.from_regex(r"[a-z_]{1,6}\.[a-z_]{1,6}", fullmatch=True)


@given(
    variant=NAMES,
    size=NAMES,
    language_set=NAMES,
    updates=st.integers(1, 10**7),
    overrides=st.dictionaries(KEYS, VALUES, max_size=3),
)
def test_an_id_reads_back(
    variant: str, size: str, language_set: str, updates: int, overrides: dict[str, Any]
) -> None:
    cell = Cell(
        variant=variant,
        size=size,
        language_set=language_set,
        budget_updates=updates,
        overrides=tuple(sorted(overrides.items())),
    )
    assert "/" not in cell.id
    assert Cell.from_id(cell.id) == cell


@given(st.integers(1, 10**9))
def test_updates_read_back(updates: int) -> None:
    assert parse_updates(format_updates(updates)) == updates


@given(VALUES)
def test_values_read_back_with_their_type(value: Any) -> None:
    back = parse_value(format_value(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.3, "0.3"), (1e20, "1e20"), (2, "2"), (True, "true"), (None, "null")),
        *(("neighbours", "neighbours"), ("60-swapped", "60-swapped"), ("_1", "_1")),
        *(("13", "@13"), ("true", "@true"), ("1e5", "@1e5"), ("NaN", "@NaN")),
    ],
)
def test_values_in_ids_are_spelt_so(value: Any, text: str) -> None:
    """Ids name folders of results that are there: another spelling would make them anew."""
    assert format_value(value) == text


@pytest.mark.parametrize("value", ["", "a/b", "a b", "a+b", "a=b", "@13", "é", "1.5", "a.b"])
def test_a_text_that_no_path_should_hold_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="cell's id"):
        format_value(value)


def test_a_set_with_a_number_for_a_name_can_be_an_axis(
    small: dict[str, Any], table: LanguageTable
) -> None:
    axes = {"variant": ["xmod"], "perplexity.language_set": [13, 30, "60-swapped"]}
    small["experiments"]["main"]["axes"] = axes
    grid = expanded(small, table)
    updates = grid.cells[0].budget_updates
    assert ids(grid) == [
        f"xmod.toy.13.{updates}",
        f"xmod.toy.13.{updates}+perplexity.language_set=@30",
        f"xmod.toy.13.{updates}+perplexity.language_set=60-swapped",
    ]
    assert [Cell.from_id(cell) for cell in ids(grid)] == list(grid.cells)
    assert dict(grid.points[1].axes)["perplexity.language_set"] == "30"


@pytest.mark.parametrize("text", ["", "xmod.base.60", "xmod.base.60.265q", "a.b.c.1+key"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no cell id|no number of updates"):
        Cell.from_id(text)


def test_a_stage_sees_only_what_it_depends_on(small: dict[str, Any], table: LanguageTable) -> None:
    small["experiments"]["main"]["axes"] = {
        "variant": ["xmod"],
        "perplexity.mask_rounds": [1, 2],
        "extend.peak_learning_rate": [0.001, 0.002],
    }
    grid = expanded(small, table)
    assert len(grid.cells) == 4
    assert len({cell.at("pretrain").id for cell in grid.cells}) == 1
    assert len({cell.at("extend").id for cell in grid.cells}) == 2
    assert {cell.scope("vocabulary") for cell in grid.cells} == {"default"}


def test_an_axis_of_the_data_has_data_of_its_own(
    small: dict[str, Any], table: LanguageTable
) -> None:
    small["experiments"]["main"]["axes"] = {"vocabulary.size": [4000, 3000]}
    scopes = [cell.scope("vocabulary") for cell in expanded(small, table).cells]
    assert scopes == ["vocabulary.size=4000", "default"]


def set_axis(raw: dict[str, Any], key: str, values: list[Any]) -> None:
    raw["experiments"]["main"]["axes"][key] = values


@pytest.mark.parametrize(
    ("key", "values", "words"),
    [
        ("pretrain.sampling_alpha", [1.5], ["pretrain.sampling_alpha", "1.5", "at most 1"]),
        (
            "pretrain.sampling_alfa",
            [0.3],
            ["sampling_alfa; legal: pretrain.", "Did you mean 'pretrain.sampling_alpha'"],
        ),
        ("sampling_alpha", [0.3], ["cannot be an axis", "Did you mean 'pretrain.sampling_alpha'"]),
        ("pretrein.sampling_alpha", [0.3], ["Did you mean 'pretrain.sampling_alpha'"]),
        ("language_set", ["13", False], ["language_set: false", 'write it in quotes ("no")']),
        ("perplexity.language_set", [14], ["perplexity.language_set: '14' is not defined"]),
        ("pretrain", [1], ["pretrain is a section", "pretrain.sampling_alpha"]),
        ("variant", ["xmood"], ["xmood", "Did you mean 'xmod'"]),
        ("language_set", [14], ["language_set", "'14'", "legal: 13, 30, 60, 75"]),
        ("budget", ["equal_step"], ["equal_step", "Did you mean 'equal_steps'"]),
        ("model.size", ["huge"], ["model.size", "huge", "toy"]),
        ("figures", ["figure_1"], ["figures cannot be an axis"]),
        ("model.width", [50.5], ["model.width", "50.5"]),
        ("vocabulary.model", ["a/b.model"], ["a/b.model", "cell's id"]),
        ("variant", ["shared", "xmod", "xmod"], ["named twice", "xmod.toy"]),
    ],
)
def test_an_impossible_axis_is_one_clear_error(
    small: dict[str, Any], table: LanguageTable, key: str, values: list[Any], words: list[str]
) -> None:
    set_axis(small, key, values)
    with pytest.raises(ConfigError) as caught:
        ids(expanded(small, table))
    for word in ("test.yaml: experiments.main", *words):
        assert word in str(caught.value)


def test_adapters_stand_on_a_cell_of_the_smaller_share_of_updates(
    paper: dict[str, Any], table: LanguageTable
) -> None:
    paper["experiments"] = {
        "adapters": {
            "axes": {
                "variant": ["adapters", "xmod"],
                "language_set": [13],
                "adapters.peak_learning_rate": [1.0e-4, 2.0e-4],
            }
        }
    }
    grid = expanded(paper, table)
    assert ids(grid) == [
        "adapters.base.13.125k",
        "adapters.base.13.125k+adapters.peak_learning_rate=0.0002",
        "xmod.base.13.125k",  # which has no adapters, so that the axis is nothing to it
    ]
    assert {base.id for base in grid.bases.values()} == {"shared_nm.base.13.100k"}
    assert [cell.id for cell in grid.trained] == [*ids(grid), "shared_nm.base.13.100k"]
    assert grid.configs["shared_nm.base.13.100k"].variant == "shared_nm"


def test_checkpoints_share_their_pretraining(paper: dict[str, Any], table: LanguageTable) -> None:
    set_axis(paper, "checkpoint", [0.5, 1.0])
    grid = expanded(paper, table)
    assert {cell.at("pretrain").id for cell in grid.cells} == PAPER_CELLS
    assert set(ids(grid)) == PAPER_CELLS | {f"{cell}+checkpoint=0.5" for cell in PAPER_CELLS}


@pytest.mark.parametrize(
    ("variant", "checkpoint", "words"),
    [
        ("adapters", 0.5, "trains on top of another"),
        ("xmod", 0.000001, "is no update in between"),
        ("xmod", 1.5, "checkpoint: 1.5"),
        ("odd", 1.0, "variants.odd.base: 'shared' is no variant without modules"),
    ],
)
def test_impossible_checkpoints_and_bases_are_errors(
    paper: dict[str, Any], table: LanguageTable, variant: str, checkpoint: float, words: str
) -> None:
    paper["variants"] = {
        "odd": {"modules": "language", "extension_trains": ["modules"], "base": "shared"}
    }
    paper["experiments"] = {"main": {"axes": {"variant": [variant], "checkpoint": [checkpoint]}}}
    with pytest.raises(ConfigError) as caught:
        expanded(paper, table)
    assert words in str(caught.value)
