"""The declarations: twins are refused, and the page of captions says what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.analysis import synthetic
from xmod.analysis.catalogue import read_catalogue
from xmod.config_errors import ConfigError


def test_a_figure_that_is_declared_twice_is_an_error(tmp_path: Path) -> None:
    text = synthetic.FIGURES.read_text(encoding="utf-8")
    twin = text.replace("  figure_9:", "  figure_2a:")
    path = tmp_path / "figures.yaml"
    path.write_text(twin, encoding="utf-8")
    message = r"figures\.yaml:\d+: figures\.figure_2a is given twice, in line \d+ already"
    with pytest.raises(ConfigError, match=message):
        read_catalogue(path)


def test_a_bare_no_among_languages_is_explained(tmp_path: Path) -> None:
    text = synthetic.FIGURES.read_text(encoding="utf-8")
    path = tmp_path / "figures.yaml"
    path.write_text(text.replace('{set: "13"}', "{only: [sv, no]}"), encoding="utf-8")
    message = r"figures\.figure_2a\.languages\.only\.1: false .*write it in quotes \(\"no\"\)"
    with pytest.raises(ConfigError, match=message):
        read_catalogue(path)


def test_captions_stand_below_their_figures() -> None:
    catalogue = read_catalogue(synthetic.FIGURES)
    page = catalogue.captions(["figure_9", "figure_2a"], ["table_1"])
    first, second = page.index("![figure_9](figure_9.png)"), page.index("![figure_2a]")
    assert first < page.index(catalogue.figure("figure_9").caption) < second
    assert "## figure_2a: Mean perplexity of the 13 initial languages" in page
    assert page.endswith("## Tables\n\n- [table_1](../tables/table_1.md): Selection of languages")
    assert "Tables\n" not in catalogue.captions(["figure_9"], [])
