"""The page of configuration keys: complete, and as the code is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from xmod.config import Config
from xmod.config_section import Section
from xmod.config_training import ExtendConfig
from xmod.describe_config import meanings, page, sections
from xmod.legal_values import legal

PAGE = Path(__file__).parents[2] / "docs/configuration.md"


def test_the_page_is_up_to_date() -> None:
    is_stale = PAGE.read_text(encoding="utf-8") != page()
    assert not is_stale, "run: python -m xmod.describe_config --output docs/configuration.md"


def test_every_key_has_a_row() -> None:
    text = page()
    for key, kind in sections(Config):
        _, heading, rest = text.partition(f"## {f'`{key}`' if key else 'Top level'}\n")
        assert heading, key
        rows = rest.partition("\n## ")[0].splitlines()
        found = [row.split("`")[1] for row in rows if row.startswith("| `")]
        assert found == list(kind.fields_by_key())


def test_a_field_means_what_stands_below_it() -> None:
    class Parent(Section):
        first: int = 1
        """The parent's
        words."""
        second: int = Field(default=2, ge=1)
        third: int = 3
        """Told once."""

    class Child(Parent):
        first: int = 4
        """The child's words."""

    assert meanings(Parent) == {"first": "The parent's words.", "third": "Told once."}
    assert meanings(Child) == {"first": "The child's words.", "third": "Told once."}


def test_an_inherited_key_has_its_own_default() -> None:
    rate = ExtendConfig.model_fields["peak_learning_rate"].default
    extend = page().partition("## `extend`\n")[2]
    row = next(row for row in extend.splitlines() if row.startswith("| `peak_learning_rate`"))
    assert f"`{rate}`" in row


@pytest.mark.parametrize(
    ("kind", "field", "words"),
    [
        ("pretrain", "sampling_alpha", "number (at least 0, at most 1)"),
        ("corpora", "max_characters", "whole number (at least 1000) or null"),
        ("corpora", "source", "`embedded` or `files` or `cc100`"),
        ("experiments.<name>", "add_languages", "list of text or `table`"),
        ("experiments.<name>", "axes", "name -> list of value"),
    ],
)
def test_legal_values_are_in_words(kind: str, field: str, words: str) -> None:
    found: dict[str, Any] = dict(sections(Config))
    info = found[kind].model_fields[field]
    assert legal(info.annotation, info.metadata) == words
