"""The declarations: the shipped ones are whole, and mistakes are named with what is legal."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.analysis import synthetic
from tests.unit.analysis.claims import scenes
from xmod.analysis.claims.plan import NotRun, plan
from xmod.analysis.claims.spec import Declared, read_claims
from xmod.analysis.records import GridPoints
from xmod.config_errors import ConfigError
from xmod.dag import Dag


@pytest.fixture
def raw() -> dict[str, Any]:
    """config/claims.yaml as a mapping of one's own."""
    found: dict[str, Any] = yaml.safe_load(scenes.CLAIMS.read_text(encoding="utf-8"))
    return copy.deepcopy(found)


def read(raw: dict[str, Any], folder: Path) -> Declared:
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return read_claims(path, synthetic.languages())


def test_every_claim_has_its_words() -> None:
    claims = scenes.declared().claims
    assert len(claims) > 20
    for name, claim in claims.items():
        assert re.fullmatch(r"[a-z0-9_]+", name)
        assert len(claim.quote.split()) >= 4, name
        assert claim.statement.endswith("."), name
        assert re.match(r"(5\.[12]|6\.[12]|7|B)\b", claim.section), name


def test_what_the_issue_asks_for_is_there() -> None:
    claims = scenes.declared().claims
    assert set(claims) >= {
        "shared_loses_at_equal_steps",
        "shared_loses_at_equal_examples",
        "xmod_keeps_perplexity",
        "xmod_keeps_tasks_at_equal_examples",
        "xmod_beats_shared_on_pretrained_languages",
        "xmod_beats_shared_on_added_languages",
        "added_on_par_with_pretrained",
        "family_makes_no_difference",
        "xmod_needs_more_updates",
        "adapters_follow_shared_nm",
        "xmod_leads_at_every_checkpoint",
        "xmod_of_75_languages_is_less_stable",
    }
    for experiment in ("main", "swap", "longer", "adapters", "checkpoints"):
        assert any(claim.experiment == experiment for claim in claims.values())


@pytest.mark.parametrize("name", ["small", "paper"])
def test_every_claim_fits_the_shipped_grids(shipped: dict[str, Any], name: str) -> None:
    """Claims of an experiment that the grid has find their cells; of others it is said."""
    run = Dag.load(shipped[name], origin=name)
    grid = GridPoints.model_validate_json(run.grid_text())
    experiments = {point.experiment for point in grid.points}
    assert "main" in experiments
    for claim in scenes.declared().claims.values():
        if claim.experiment in experiments:
            (found,) = plan(claim, grid)
            assert found.parts
            assert all(term.points for part in found.parts for term in part.terms)
        else:
            with pytest.raises(NotRun, match="the configuration has no experiment"):
                plan(claim, grid)


def test_the_example_of_the_page_can_be_copied(raw: dict[str, Any], tmp_path: Path) -> None:
    page = (synthetic.ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    new = yaml.safe_load(example)
    assert not set(new) & set(raw["claims"])
    raw["claims"] |= new
    assert set(new) <= set(read(raw, tmp_path).claims)


MISTAKES = [
    (["method", "confidence"], 1.5, r"method\.confidence: 1\.5 is not possible; legal: number"),
    (["method", "colour"], 1, r"unknown key method\.colour; legal: confidence, resamples, seed"),
    (["units", "nats", "margin"], 0, r"units\.nats\.margin: 0 is not possible; legal: .*more than"),
    (
        ["measures", "xnli", "unit"],
        "pionts",
        r"measures\.xnli\.unit: 'pionts' is not declared; legal: nats, points\. Did you mean",
    ),
    (
        ["measures", "xnli", "requires"],
        "contxt",
        r"requires: 'contxt' is not declared; legal: context, above_chance\. Did",
    ),
    (["measures", "xnli", "better"], "up", r"better: 'up' .*legal: 'lower' or 'higher'"),
    (
        ["claims", "xmod_keeps_perplexity", "measures"],
        ["perplexity", "nll"],
        r"claims\.xmod_keeps_perplexity\.measures: 'nll' is not declared; legal: perplexity, xnli",
    ),
    (["claims", "xmod_keeps_perplexity", "quote"], "", r"xmod_keeps_perplexity\.quote: ''"),
    (
        ["claims", "xmod_keeps_perplexity", "test", "expect"],
        "wrose",
        r"test\.expect: 'wrose' .*legal: 'better' or 'worse'.*Did you mean 'worse'",
    ),
    (
        ["claims", "xmod_keeps_perplexity", "test", "kind"],
        "trent",
        r"test\.kind: 'trent' is not possible; legal: difference, trend, .*Did you mean 'trend'",
    ),
    (
        ["claims", "xmod_keeps_perplexity", "test", "of", "groop"],
        "added",
        r"unknown key claims\.xmod_keeps_perplexity\.test\.of\.groop; legal:",
    ),
    (
        ["claims", "xmod_keeps_perplexity", "test", "of", "group"],
        None,
        r"test: of: no group; legal: source, pretrained, added, also in among",
    ),
    (
        ["claims", "xmod_mitigates_interference", "test", "of"],
        {"where": {"variant": "xmod", "budget": "equal_steps", "model.size": "toy"}},
        r"test: against\.where: nothing about 'model\.size', which another side names",
    ),
    (
        ["claims", "xmod_mitigates_interference", "test", "among", "minus"],
        {"group": "added"},
        r"test: among\.minus: legal: minus within of and against",
    ),
    (
        ["claims", "family_makes_no_difference", "test", "of", "minus", "minus"],
        {"group": "source"},
        r"test: of\.minus\.minus: legal: one minus a side",
    ),
    (
        ["claims", "xmod_keeps_perplexity", "test", "of", "languages"],
        {"set": "14"},
        r"claims\.xmod_keeps_perplexity\.test\.of\.languages: unknown language set '14'",
    ),
    (
        ["claims", "xmod_keeps_perplexity", "test", "of", "languages"],
        {"only": ["xx"]},
        r"test\.of\.languages: unknown language 'xx'",
    ),
]


@pytest.mark.parametrize(("key", "value", "message"), MISTAKES)
def test_mistakes_are_explained(
    raw: dict[str, Any], tmp_path: Path, key: list[str], value: object, message: str
) -> None:
    place = raw
    for part in key[:-1]:
        place = place[part]
    place[key[-1]] = value
    with pytest.raises(ConfigError, match=message) as caught:
        read(raw, tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "claims.yaml"))


def test_a_file_that_is_not_there_or_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="claims: no file"):
        read_claims(tmp_path / "claims.yaml", synthetic.languages())
    (tmp_path / "claims.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="legal: the keys method, units, requirements, measures"):
        read_claims(tmp_path / "claims.yaml", synthetic.languages())


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        # The plan may read the declarations, and it starts without tables.
        ("xmod.analysis.claims.spec", {"numpy", "pandas", "matplotlib", "torch"}),
        ("xmod.analysis.claims.statistics", {"pandas", "matplotlib", "torch"}),
        ("xmod.judge_claims", {"matplotlib", "torch"}),
        ("xmod.audit_paper", {"numpy", "pandas", "matplotlib", "torch"}),
    ],
)
def test_nothing_heavy_is_imported(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=synthetic.ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
