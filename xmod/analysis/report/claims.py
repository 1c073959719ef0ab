"""The paper's claims, judged by the scores so far, and the pages that other commands wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markdown_it import MarkdownIt

from xmod.analysis.claims.judge import Finding, Verdict
from xmod.analysis.claims.render import estimate_text, measure_text, verdict_with_why
from xmod.analysis.claims.words import describe_test, expected_in_words
from xmod.languages import LanguageTable

LOOKS: dict[Verdict, str] = {
    "holds": "done",
    "does not hold": "failed",
    "undecided at this scale": "stale",
    "not run": "missing",
}
"""Verdict -> the state whose colour it has."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one measure says of a claim."""

    measure: str
    kind: Verdict
    verdict: str
    """The same, with what it is about and why it is undecided."""
    look: str
    estimate: str
    """With its interval and unit; empty where there is none."""
    expected: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim, by every measure that it is judged by."""

    statement: str
    quote: str
    """HTML."""
    section: str
    test: str
    measured: tuple[Measured, ...]

    @property
    def is_judged(self) -> bool:
        """Whether any measure has a verdict other than that it was not run."""
        return any(one.look != LOOKS["not run"] for one in self.measured)


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Every claim of a configuration; none where it declares none."""

    claims: tuple[Claim, ...] = ()
    is_draft: bool = False
    """Whether scores are still to come, or to come again."""

    @property
    def counts(self) -> str:
        """`holds: 5, not run: 2`, as the page of claims counts them."""
        counted = Counter(one.kind for claim in self.claims for one in claim.measured)
        return ", ".join(f"{verdict}: {counted[verdict]}" for verdict in LOOKS if counted[verdict])


def shown_claims(findings: Sequence[Finding], table: LanguageTable, *, is_draft: bool) -> Claims:
    """The findings of all claims, as a page shows them."""
    by_claim = groupby(findings, key=lambda finding: finding.name)
    claims = tuple(_claim(list(found), table) for _, found in by_claim)
    return Claims(claims=claims, is_draft=is_draft)


def _claim(findings: Sequence[Finding], table: LanguageTable) -> Claim:
    claim = findings[0].claim
    return Claim(
        statement=claim.statement,
        quote=str(_parser().renderInline(claim.quote)),
        section=claim.section,
        test=describe_test(claim, table),
        measured=tuple(map(_measured, findings)),
    )


def _measured(finding: Finding) -> Measured:
    return Measured(
        measure=measure_text(finding),
        kind=finding.verdict,
        verdict=verdict_with_why(finding),
        look=LOOKS[finding.verdict],
        estimate=estimate_text(finding.headline, finding) if finding.headline else "",
        expected=expected_in_words(finding),
        reasons=finding.reasons,
    )


def read_page(path: Path) -> str:
    """A Markdown page as HTML, its headings below the report's own; empty where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return ""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    return str(parser.renderer.render(tokens, parser.options, {}))


def _parser() -> MarkdownIt:
    """Shows HTML as text, and no pictures: these would be fetched."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
