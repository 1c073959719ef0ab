"""The pages: their links lead somewhere, and what they say to write can be loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from xmod.dag import Dag

ROOT = Path(__file__).parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "results/README.md"))
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def prose(path: Path) -> str:
    """A page without its code."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """What a link may name after `#`, as GitHub makes it of headings."""
    found = HEADING.findall(prose(path))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(prose(path)):
        target, _, anchor = link.partition("#")
        if ":" in target:
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert file.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(file), f"{link}: no such heading"


def test_the_links_were_seen() -> None:
    """Lest a rule holds because nothing was looked at."""
    assert len(PAGES) > 10
    assert len(LINK.findall(prose(ROOT / "README.md"))) > 10


def snippets() -> Iterator[Any]:
    """Every YAML of the pages that a person copies from; figures with their page's experiment."""
    for name in ("README.md", "docs/extending.md", "docs/sources.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        experiments: dict[str, Any] = {}
        for match in FENCE.finditer(text):
            if match[1] == "yaml":
                line = text[: match.start()].count("\n") + 2
                snippet = yaml.safe_load(match[2])
                if "name" not in snippet:
                    experiments |= snippet.get("experiments", {})
                if all(key.startswith("figure_") for key in snippet):
                    snippet["experiments"] = {"main": {}, "width": experiments["width"]}
                yield pytest.param(snippet, id=f"{Path(name).name}:{line}")


def merged(base: Any, change: Any) -> Any:
    """`change` put into `base` section by section, as the page says to do."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


@pytest.mark.parametrize("snippet", list(snippets()))
def test_what_the_pages_say_to_write_is_legal(
    shipped: dict[str, Any], snippet: dict[str, Any], tmp_path: Path
) -> None:
    """A whole configuration, a part of one, or a figure: each loads, and has cells to show."""
    figures = [name for name in snippet if name.startswith("figure_")]
    catalogue = yaml.safe_load((ROOT / "config/figures.yaml").read_text(encoding="utf-8"))
    catalogue["figures"] |= {name: snippet.pop(name) for name in figures}
    (tmp_path / "figures.yaml").write_text(yaml.safe_dump(catalogue), encoding="utf-8")
    raw = snippet if "name" in snippet else merged(shipped["small"], snippet)
    raw |= {
        "languages": str(ROOT / "config/languages.tsv"),
        "catalogue": str(tmp_path / "figures.yaml"),
        "figures": [*raw.get("figures", []), *figures],
    }
    for iso in ("en", "fr", "ru", "de"):
        (tmp_path / f"{iso}.txt").write_text("some text\n", encoding="utf-8")
    if raw["corpora"]["source"] == "files":
        raw["corpora"]["folder"] = str(tmp_path)
    dag = Dag.load(raw, origin="mine.yaml")
    dag.check()
    assert dag.grid.cells
    assert all("tasks.wiki: no file 'data/wikiann" in told for told in dag.missing_data())


def test_the_snippets_were_seen() -> None:
    assert len(list(snippets())) >= 7
