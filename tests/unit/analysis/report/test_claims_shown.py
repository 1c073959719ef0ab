"""What a report shows of claims, and of pages that other commands wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.unit.analysis import synthetic
from tests.unit.analysis.claims.scenes import Asked, judged
from tests.unit.analysis.report.made_up import LATER, write
from xmod.analysis.claims.judge import Finding
from xmod.analysis.report.claims import Claims, read_page, shown_claims

NAME = "shared_loses_at_equal_steps"


def score(asked: Asked) -> float:
    """Worse of more languages, by 10 points from 13 to 75."""
    return 80.0 - 10 * (asked.num_languages - 13) / 62


def shown(*findings: Finding) -> Claims:
    return shown_claims(findings, synthetic.languages(), is_draft=False)


def test_no_claims() -> None:
    assert shown().claims == ()


def test_a_claim_with_its_measures() -> None:
    there = judged(NAME, "xnli", score, made=["xnli"])
    absent = replace(there, measure_name="ner", verdict="not run", estimates=(), reasons=("why",))
    claims = shown(there, absent)
    (claim,) = claims.claims
    assert "<em>increasing</em>" in claim.quote
    assert claim.section == "5.1"
    assert claim.is_judged
    first, second = claim.measured
    assert (first.measure, first.look) == ("XNLI accuracy", "done")
    assert first.verdict == "holds (synthetic tasks)"
    assert first.estimate.startswith("-9.")
    assert first.estimate.endswith("] points")
    assert first.expected == "below 0 points"
    assert (second.estimate, second.look, second.reasons) == ("", "missing", ("why",))
    assert claims.counts == "holds: 1, not run: 1"


def test_verdicts_are_counted_as_the_page_of_claims_does() -> None:
    """In its order, synthetic or not, whatever the reason."""
    one = judged(NAME, "xnli", score)
    undecided = replace(one, verdict="undecided at this scale", why="a model is at chance")
    made = replace(undecided, is_synthetic=True, why="")
    claims = shown(undecided, made, one)
    assert claims.counts == "holds: 1, undecided at this scale: 2"
    verdicts = [measured.verdict for claim in claims.claims for measured in claim.measured]
    assert verdicts == [
        "undecided at this scale: a model is at chance",
        "undecided at this scale (synthetic tasks)",
        "holds",
    ]


def test_a_quote_is_text_with_emphasis() -> None:
    one = judged(NAME, "xnli", score)
    quoted = one.claim.model_copy(update={"quote": "it does *not* <b>"})
    (claim,) = shown(replace(one, claim=quoted)).claims
    assert claim.quote == "it does <em>not</em> &lt;b&gt;"


def test_verdicts_have_the_colours_of_states() -> None:
    one = judged(NAME, "xnli", score)
    verdicts = ("holds", "does not hold", "undecided at this scale", "not run")
    claims = shown(*(replace(one, name=verdict, verdict=verdict) for verdict in verdicts)).claims
    looks = [claim.measured[0].look for claim in claims]
    assert looks == ["done", "failed", "stale", "missing"]
    assert [claim.is_judged for claim in claims] == [True, True, True, False]


def test_a_page_can_do_nothing_but_be_read(tmp_path: Path) -> None:
    page = tmp_path / "audit.md"
    text = "| a |\n|---|\n| <script>x</script> |\n\n![p](http://x/y.png) [l](javascript:x)\n"
    write(page, text, at=LATER)
    html = read_page(page)
    assert "<td>&lt;script&gt;x&lt;/script&gt;</td>" in html
    assert "<img" not in html
    assert 'href="javascript' not in html
