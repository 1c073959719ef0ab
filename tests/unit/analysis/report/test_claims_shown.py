"""What a report shows of claims that `xmod.judge_claims` wrote, or has not written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.analysis.report.made_up import LATER, write
from xmod.analysis.report.claims import read_claims, read_page

FINDING: dict[str, Any] = {
    "claim": "curse",
    "section": "5.1",
    "quote": "it does *not* <b>",
    "statement": "More languages, worse SHARED models.",
    "measure": "xnli",
    "setting": {"seed": "2"},
    "verdict": "holds (synthetic tasks)",
    "test": "Mean score: A, minus B.",
    "expected": "below 0 points",
    "unit": "points",
    "estimate": -1.23456,
    "low": -2.0,
    "high": -0.5,
    "reasons": ["one reason"],
}


def written(root: Path, *findings: dict[str, Any], digest: str = "d") -> Path:
    write(root / "claims.json", json.dumps({"findings": findings}), at=LATER)
    manifest = {"inputs": [{"path": "metrics.csv", "sha256": digest}]}
    write(root / "claims.manifest.json", json.dumps(manifest), at=LATER)
    return root


def test_nothing_yet(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, digest="d")
    assert (claims.claims, claims.page) == ((), "")


def test_a_claim_with_its_measures(tmp_path: Path) -> None:
    absent = {**FINDING, "measure": "perplexity", "setting": {}, "verdict": "not run"}
    absent = {key: value for key, value in absent.items() if key not in ("estimate", "low", "high")}
    claims = read_claims(written(tmp_path, FINDING, absent), digest="d")
    (claim,) = claims.claims
    assert claim.quote == "it does <em>not</em> &lt;b&gt;"
    assert claim.is_judged
    first, second = claim.measured
    assert (first.measure, first.look) == ("XNLI, seed 2", "done")
    assert first.estimate == "-1.23 [-2, -0.5] points"
    assert (second.estimate, second.look) == ("", "missing")
    assert claims.counts == "holds (synthetic tasks): 1, not run: 1"
    assert not claims.is_outdated


def test_verdicts_have_the_colours_of_states(tmp_path: Path) -> None:
    verdicts = ("does not hold", "undecided at this scale", "not run")
    found = [{**FINDING, "claim": one, "verdict": one} for one in verdicts]
    claims = read_claims(written(tmp_path, *found), digest="d").claims
    assert [claim.measured[0].look for claim in claims] == ["failed", "stale", "missing"]
    assert [claim.is_judged for claim in claims] == [True, True, False]


def test_claims_of_other_scores_are_outdated(tmp_path: Path) -> None:
    assert read_claims(written(tmp_path, FINDING), digest="other").is_outdated


def test_a_page_stands_in_for_claims(tmp_path: Path) -> None:
    write(tmp_path / "claims.md", "# Claims\n", at=LATER)
    assert read_claims(tmp_path, digest="d").page == "<h3>Claims</h3>\n"


def test_a_page_can_do_nothing_but_be_read(tmp_path: Path) -> None:
    page = tmp_path / "audit.md"
    text = "| a |\n|---|\n| <script>x</script> |\n\n![p](http://x/y.png) [l](javascript:x)\n"
    write(page, text, at=LATER)
    html = read_page(page)
    assert "<td>&lt;script&gt;x&lt;/script&gt;</td>" in html
    assert "<img" not in html
    assert 'href="javascript' not in html
