"""Keys that are given twice, and broken YAML, with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xmod.config_errors import ConfigError
from xmod.strict_yaml import read_yaml

ROOT = Path(__file__).parents[2]
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z0-9]{1,4}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my.yaml"


@given(VALUES)
def test_what_is_legal_is_read_as_others_read_it(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.mktemp("yaml") / "my.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
    assert read_yaml(path) == value


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/*.yaml")), ids=lambda path: path.name)
def test_the_shipped_files_have_no_twins(path: Path) -> None:
    assert read_yaml(path) == yaml.safe_load(path.read_text(encoding="utf-8"))


def test_every_twin_is_told_with_both_its_lines(file: Path) -> None:
    lines = ["pretrain:", "  seed: 1", "  alpha: 2", "  seed: 3", "name: a", "pretrain: {}"]
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_yaml(file)
    assert str(caught.value).splitlines() == [
        f"{file}:4: pretrain.seed is given twice, in line 2 already; keep one of them",
        f"{file}:6: pretrain is given twice, in line 1 already; keep one of them",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "pinned: {13: 1, '13': 2}",  # one set to the configuration, whatever YAML makes of it
        "cells: [{seed: 1, seed: 2}]",
        "a: &x {b: 1, b: 2}",
        '{\n\t"a":\t1,\n\t"a": 2\n}',
    ],
)
def test_twins_are_found_wherever_they_are(tmp_path: Path, text: str) -> None:
    file = tmp_path / ("my.json" if "\t" in text else "my.yaml")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="is given twice"):
        read_yaml(file)


def test_one_key_in_two_sections_is_no_twin(file: Path) -> None:
    file.write_text("a: {b: 1}\nc: {b: 1}\nl: [{b: 1}, {b: 2}]\n", encoding="utf-8")
    assert read_yaml(file) == {"a": {"b": 1}, "c": {"b": 1}, "l": [{"b": 1}, {"b": 2}]}


def test_broken_yaml_is_told_with_its_line(file: Path) -> None:
    file.write_text("a: 1\nb: [1, 2\nc: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"my\.yaml:3: is no YAML: "):
        read_yaml(file)
    file.write_text("", encoding="utf-8")
    assert read_yaml(file) is None
