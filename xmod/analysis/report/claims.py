"""The paper's claims and the audit of its numbers, where other commands have written them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from xmod.analysis.names import NAMES
from xmod.analysis.report.facts import read_json

LOOKS = {"holds": "done", "does not hold": "failed", "not run": "missing"}
"""How a verdict begins -> the state whose colour it has; any other has that of doubt."""
DOUBT = "stale"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one measure says of a claim."""

    measure: str
    verdict: str
    estimate: str
    """With its interval and unit; empty where there is none."""
    expected: str
    reasons: tuple[str, ...]

    @property
    def look(self) -> str:
        looks = (look for verdict, look in LOOKS.items() if self.verdict.startswith(verdict))
        return next(looks, DOUBT)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim, by every measure that it is judged by."""

    name: str
    statement: str
    quote: str
    """HTML."""
    section: str
    test: str
    measured: tuple[Measured, ...]

    @property
    def is_judged(self) -> bool:
        """Whether any measure has a verdict other than that it was not run."""
        return any(one.look != "missing" for one in self.measured)


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The claims one by one; else a page about them; else neither."""

    claims: tuple[Claim, ...] = ()
    page: str = ""
    """HTML."""
    is_outdated: bool = False
    """Whether they were judged by other scores than there are now."""

    @property
    def counts(self) -> str:
        """`holds: 5, not run: 2`."""
        counted = Counter(one.verdict for claim in self.claims for one in claim.measured)
        return ", ".join(f"{verdict}: {number}" for verdict, number in counted.most_common())


def read_claims(root: Path, *, digest: str) -> Claims:
    """What claims.json says, else claims.md; `digest` is the SHA-256 of the scores."""
    raw = read_json(root / "claims.json") or {}
    findings = raw.get("findings", [])
    is_outdated = not _judged_by(root, digest)
    if not findings:
        return Claims(page=read_page(root / "claims.md"), is_outdated=is_outdated)
    by_claim = groupby(findings, key=lambda finding: str(finding["claim"]))
    claims = tuple(_claim(name, list(found)) for name, found in by_claim)
    return Claims(claims=claims, is_outdated=is_outdated)


def _judged_by(root: Path, digest: str) -> bool:
    """Whether the manifest of the claims names these scores."""
    manifest = read_json(root / "claims.manifest.json") or {}
    return any(one["sha256"] == digest for one in manifest.get("inputs", ()))


def _claim(name: str, findings: list[Mapping[str, Any]]) -> Claim:
    first = findings[0]
    return Claim(
        name=name,
        statement=str(first.get("statement") or name),
        quote=str(_parser().renderInline(str(first.get("quote") or ""))),
        section=str(first.get("section") or ""),
        test=str(first.get("test") or ""),
        measured=tuple(map(_measured, findings)),
    )


def _measured(finding: Mapping[str, Any]) -> Measured:
    setting = (f"{axis} {value}" for axis, value in finding.get("setting", {}).items())
    measure = str(finding.get("measure", ""))
    return Measured(
        measure=", ".join([NAMES["task"].get(measure, measure), *setting]),
        verdict=str(finding.get("verdict", "")),
        estimate=_estimate(finding),
        expected=str(finding.get("expected") or ""),
        reasons=tuple(map(str, finding.get("reasons", ()))),
    )


def _estimate(finding: Mapping[str, Any]) -> str:
    """`0.31 [0.12, 0.5] nats`."""
    if finding.get("estimate") is None:
        return ""
    text = f"{finding['estimate']:.3g}"
    if finding.get("low") is not None and finding.get("high") is not None:
        text += f" [{finding['low']:.3g}, {finding['high']:.3g}]"
    return f"{text} {finding.get('unit') or ''}".rstrip()


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
