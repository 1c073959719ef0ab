"""Errors in plain words: every kind of slip says key, value and what is legal."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from xmod.analysis.catalogue import Catalogue
from xmod.config import parse
from xmod.config_errors import ConfigError, explain, shown, suggest
from xmod.grid import expand
from xmod.languages import LanguageTable

PYDANTIC = ("Input should", "String should", "valid dictionary", "tuple[", "literal[", "Error")
"""Words that a person who writes YAML has no use for."""


def put(raw: dict[str, Any], key: str, value: Any) -> None:
    """Set a key whose parts are parted by slashes."""
    *parents, last = key.split("/")
    for part in parents:
        raw = raw.setdefault(part, {})
    raw[last] = value


def message(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(raw, origin="my.yaml")
    return str(caught.value)


NO = 'YAML reads a bare no, off or false as false: write it in quotes ("no")'
ONE_OF = "legal: 'auto' or 'float32' or 'bfloat16'"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("pretrain/sampling_alpha", 1.5, "1.5 is not possible; legal: number (at least 0, at mo"),
        ("pretrain/peak_learning_rate", 0, "0 is not possible; legal: number (more than 0)"),
        ("pretrain/sampling_alpha", "x", "'x' is not possible; legal: number (at least 0, at mos"),
        ("pretrain/batch_sequences", 1.5, "1.5 is not possible; legal: whole number (at least 1)"),
        ("pretrain/batch_sequences", "many", "'many' is not possible; legal: whole number (at le"),
        ("corpora/max_characters", 10, "10 is not possible; legal: whole number (at least 1000) o"),
        ("pretrain/precision", "float16", f"'float16' is not possible; {ONE_OF}. Did you mean 'bf"),
        ("pretrain", None, "null is not possible; legal: section. Nothing stands below it"),
        ("pretrain", [1], "[1] is not possible; legal: section"),
        ("seed", None, "null is not possible; legal: whole number"),
        ("name", "a b", "'a b' is not possible; legal: letters, digits, '_' and '-', and nothing"),
        ("language_set", False, f"false is not possible; legal: text. {NO}"),
        (
            "variant",
            True,
            "true is not possible; legal: text. YAML reads a bare yes, on or true as",
        ),
        (
            "figures",
            "figure_9",
            "'figure_9' is not possible; legal: list of text. Write a list: [f",
        ),
        ("experiments/main/axes/seed", 3, "3 is not possible; legal: list of values. Write a list"),
        ("experiments/main/axes/seed", [[1]], ".0: [1] is not possible; legal: text, a number, t"),
        ("experiments/main/add_languages", "de", "'de' is not possible; legal: list of text or '"),
        ("experiments/main/add_languages", ["de", False], ".1: false is not possible; legal: te"),
        ("language_sets/mine", {"include": ["en", False]}, ".include.1: false is not possible; "),
        ("budgets/equal_steps/base_updates", -1, "-1 is not possible; legal: whole number (at le"),
        ("budgets/equal_examples/pinned", {"13": "x"}, ".13: 'x' is not possible; legal: whole n"),
        ("budget", [1], "[1] is not possible; legal: text or whole number"),
        ("experiments", None, "null is not possible; legal: names, each with: section"),
        ("variants", ["a"], "['a'] is not possible; legal: names, each with: section"),
        ("sizes/toy", None, "null is not possible; legal: keys of model"),
        ("sizes/toy/width", "wide", "'wide' is not possible; legal: whole number (at least 8)"),
    ],
)
def test_a_slip_says_key_value_and_what_is_legal(
    small: dict[str, Any], key: str, value: Any, told: str
) -> None:
    put(small, key, value)
    found = message(small)
    assert found.startswith(f"my.yaml: {key.replace('/', '.')}")
    assert told in found
    assert len(found.splitlines()) == 1, "one slip, one line"
    assert not any(word in found for word in PYDANTIC)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("language_sets", {False: {}}, "language_sets: the name false is not possible; legal: te"),
        ("experiments", {"a b": {}}, "experiments: the name 'a b' is not possible; legal: letters"),
        ("pretrain/sampling_alfa", 1, "unknown key pretrain.sampling_alfa; legal: adam_beta1"),
        ("sizes/toy/witdh", 1, "unknown key sizes.toy.witdh; legal: "),
        ("budgets/more", {"rule": "equal_steps"}, "budgets.more.base_updates is missing; legal: w"),
        ("model/size", "huge", "model.size: 'huge' is not one of sizes; legal: toy"),
    ],
)
def test_a_wrong_or_missing_key_is_named(
    small: dict[str, Any], key: str, value: Any, told: str
) -> None:
    put(small, key, value)
    assert message(small).startswith(f"my.yaml: {told}")


def test_a_set_that_is_named_and_not_there_is_told_by_its_key(
    small: dict[str, Any], table: LanguageTable
) -> None:
    small["language_sets"] = {"mine": {"extends": "13", "include": ["de"]}}
    for key, told in (
        ("perplexity/language_set", "perplexity.language_set: '14' is not defined"),
        ("vocabulary/language_set", "vocabulary.language_set: '14' is not defined"),
        ("budgets/equal_examples/reference_set", "budgets.equal_examples.reference_set: '14'"),
        ("budgets/equal_examples/pinned", "budgets.equal_examples.pinned: '14' is not defined"),
        ("language_sets/mine/extends", "language_sets.mine.extends: '14' is not defined"),
        ("experiments/main/add_languages", "experiments.main.add_languages: unknown language"),
        ("language_sets/mine/include", "language_sets.mine.include: unknown language '14'"),
    ):
        raw = copy.deepcopy(small)
        given = {"pinned": {"14": 5}, "include": ["14"], "add_languages": ["14"]}
        put(raw, key, given.get(key.rpartition("/")[2], "14"))
        with pytest.raises(ConfigError) as caught:
            expand(raw, table, origin="my.yaml")
        assert str(caught.value).startswith(f"my.yaml: {told}")


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"title": "t", "caption": "c"}, "tables.one.kind is missing; legal: language_sets, "),
        ({"kind": "metric"}, "tables.one.kind: 'metric' is not possible; legal: language_sets"),
        ({"kind": "language_sets", "title": "t"}, "tables.one.caption is missing; legal: text"),
        ({"kind": "metrics", "rows": 3}, "tables.one.rows: 3 is not possible; legal: list of text"),
    ],
)
def test_sections_of_several_kinds(declared: dict[str, Any], told: str) -> None:
    """A table's keys depend on its kind: pydantic puts the kind among the keys."""
    with pytest.raises(ValidationError) as caught:
        Catalogue.model_validate({"tables": {"one": declared}})
    assert f"figures.yaml: {told}" in explain(caught.value, Catalogue, "figures.yaml")


def test_a_long_value_is_cut() -> None:
    assert shown("x" * 200) == "'" + "x" * 76 + "..."
    assert (shown(None), shown(False), shown("a"), shown(3)) == ("null", "false", "'a'", "3")


def test_the_nearest_may_be_one_that_is_not_listed() -> None:
    assert suggest("wdth", ["model"], hidden=["width"]) == "legal: model. Did you mean 'width'?"
    assert suggest("zzz", ["model"]) == "legal: model."
    assert suggest("h100", ["A100", "H100"]) == "legal: A100, H100. Did you mean 'H100'?"


def test_a_type_without_words_of_its_own_is_still_told() -> None:
    """An explanation never fails itself."""

    class Dated(BaseModel):
        days: list[datetime.date]
        day: datetime.date

    with pytest.raises(ValidationError) as caught:
        Dated.model_validate({"days": ["x"], "day": "x"})
    told = explain(caught.value, Dated, "my.json").splitlines()
    assert told[0].startswith("my.json: days.0: 'x' is not possible; Input should be")
    assert told[1] == "my.json: day: 'x' is not possible; legal: date"
