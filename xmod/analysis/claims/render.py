"""Findings as a page for readers, and as CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from xmod.analysis.claims.judge import Estimate, Finding, Verdict
from xmod.analysis.claims.spec import Claim, Difference, Method, Trend
from xmod.analysis.claims.words import (
    coverage_in_words,
    describe_test,
    expected_in_words,
    place_in_words,
)
from xmod.files import write_json_atomic, write_text_atomic
from xmod.languages import LanguageTable

SUFFIXES = ("md", "csv", "json")
COLUMNS = (
    *("claim", "section", "measure", "setting", "place", "verdict", "synthetic"),
    *("estimate", "low", "high", "confidence", "unit", "expected"),
    *("num_languages", "num_seeds", "num_pretraining_seeds", "num_better", "reasons"),
)
NONE = "–"
WHOLE_SCALE = 100.0
"""Points between the worst score and the best: an interval wider than that says nothing."""


def write(
    findings: Sequence[Finding],
    prefix: Path,
    *,
    method: Method,
    table: LanguageTable,
    title_note: str,
) -> None:
    """Write `prefix` with each of SUFFIXES."""
    page = markdown(findings, method=method, table=table, title_note=title_note)
    write_text_atomic(prefix.with_name(f"{prefix.name}.md"), page)
    write_text_atomic(prefix.with_name(f"{prefix.name}.csv"), as_csv(findings))
    write_json_atomic(
        prefix.with_name(f"{prefix.name}.json"),
        {
            "method": method.model_dump(),
            "findings": [as_record(finding, table) for finding in findings],
        },
    )


def verdict_text(verdict: Verdict, finding: Finding) -> str:
    """A verdict, which says so where it is about tasks that a program made."""
    is_told = finding.is_synthetic and verdict != "not run"
    return f"{verdict} (synthetic tasks)" if is_told else verdict


def verdict_with_why(finding: Finding) -> str:
    """`undecided at this scale: a model is at chance`"""
    text = verdict_text(finding.verdict, finding)
    return f"{text}: {finding.why}" if finding.why else text


def as_csv(findings: Iterable[Finding]) -> str:
    """A row for each finding, and one more for each place of a claim of several."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for finding in findings:
        writer.writerow(_row(finding, finding.headline, finding.verdict, is_whole=True))
        if len(finding.estimates) > 1:
            writer.writerows(
                _row(finding, one, one.verdict, is_whole=False) for one in finding.estimates
            )
    return stream.getvalue()


def _row(
    finding: Finding, one: Estimate | None, verdict: Verdict, *, is_whole: bool
) -> dict[str, object]:
    interval = one.interval if one else None
    row = {
        "claim": finding.name,
        "section": finding.claim.section,
        "measure": finding.measure_name,
        "setting": _place(finding.setting),
        "place": "" if is_whole or one is None else _place(one.at),
        "verdict": verdict_text(verdict, finding),
        "synthetic": str(finding.is_synthetic).lower(),
        "estimate": interval and interval.estimate,
        "low": interval and interval.low,
        "high": interval and interval.high,
        "confidence": one and round(one.confidence, 6),
        "unit": finding.unit,
        "expected": expected_in_words(finding),
        "num_languages": sum(map(len, finding.languages)) or None,
        "num_seeds": finding.num_seeds,
        "num_pretraining_seeds": finding.num_pretraining_seeds,
        "num_better": one and one.num_better,
        "reasons": "; ".join(finding.reasons),
    }
    return {key: "" if value is None else value for key, value in row.items()}


def as_record(finding: Finding, table: LanguageTable) -> dict[str, Any]:
    """Everything about a finding."""
    claim, headline = finding.claim, finding.headline
    return {
        "claim": finding.name,
        "section": claim.section,
        "quote": claim.quote,
        "statement": claim.statement,
        "experiment": claim.experiment,
        "measure": finding.measure_name,
        "setting": dict(finding.setting),
        "verdict": verdict_text(finding.verdict, finding),
        "synthetic": finding.is_synthetic,
        "test": describe_test(claim, table),
        "expected": expected_in_words(finding),
        "unit": finding.unit,
        **(_numbers(headline) if headline else {}),
        "places": [
            {"at": dict(one.at), "verdict": verdict_text(one.verdict, finding), **_numbers(one)}
            for one in finding.estimates
            if one.at
        ],
        "languages": [list(isos) for isos in finding.languages],
        "num_seeds": finding.num_seeds,
        "num_pretraining_seeds": finding.num_pretraining_seeds,
        "coverage": coverage_in_words(finding),
        "reasons": list(finding.reasons),
    }


def _numbers(one: Estimate) -> dict[str, float | int | None]:
    return {
        "estimate": one.interval.estimate,
        "low": one.interval.low,
        "high": one.interval.high,
        "confidence": round(one.confidence, 6),
        "degrees_of_freedom": one.interval.degrees_of_freedom,
        "num_better": one.num_better,
    }


def markdown(
    findings: Sequence[Finding], *, method: Method, table: LanguageTable, title_note: str
) -> str:
    """The page: how many hold, all verdicts in one table, then each claim with its numbers."""
    claims = [
        (name, list(found)) for name, found in groupby(findings, key=lambda finding: finding.name)
    ]
    lines = [
        f"# Claims of the paper{f' ({title_note})' if title_note else ''}",
        "",
        *_introduction(findings, len(claims), method),
        "",
        *_summary(claims),
    ]
    for name, found in claims:
        lines += ["", *_details(name, found, table)]
    return "\n".join(lines) + "\n"


def _introduction(findings: Sequence[Finding], num_claims: int, method: Method) -> Iterator[str]:
    counts = Counter(finding.verdict for finding in findings)
    told = [f"{counts[one]} *{one}*" for one in get_args(Verdict) if counts[one]]
    yield f"{num_claims} claims of X-MOD (Pfeiffer et al. 2022), judged by the results of this run."
    yield f"Of {len(findings)} verdicts: {', '.join(told)}."
    yield ""
    yield (
        f"In brackets: {method.confidence:.0%} confidence intervals, from {method.resamples:,} "
        "resamples of languages and seeds."
    )
    yield "A claim *holds* if the whole interval is where the claim says, *does not hold* if none"
    yield "of it is; `docs/claims.md` of the project says how."
    judged = [finding for finding in findings if finding.estimates]
    if judged and all(finding.num_pretraining_seeds == 1 for finding in judged):
        yield "Every cell was pre-trained once: no interval covers the luck of pre-training."


def _summary(claims: Sequence[tuple[str, list[Finding]]]) -> list[str]:
    rows = [
        [
            f"[{name}](#{name})" if place == 0 else "",
            finding.claim.section if place == 0 else "",
            measure_text(finding),
            _bold(finding),
            estimate_text(finding.headline, finding),
        ]
        for name, found in claims
        for place, finding in enumerate(found)
    ]
    return _table(["claim", "section", "measure", "verdict", "estimate"], rows)


def _details(name: str, found: Sequence[Finding], table: LanguageTable) -> Iterator[str]:
    claim = found[0].claim
    yield from (f"## {name}", "", f"> {claim.quote}", ">", f"> ({_section(claim)})", "")
    yield f"**{claim.statement}**"
    yield ""
    yield describe_test(claim, table)
    yield ""
    header = ["measure", "verdict", "estimate", "expected", "languages better"]
    yield from _table(header, [_numbers_row(finding) for finding in found])
    notes = [line for finding in found for line in _notes(finding, table)]
    if notes:
        yield ""
        yield from notes


def _section(claim: Claim) -> str:
    return f"{'section' if claim.section[0].isdigit() else 'appendix'} {claim.section}"


def _numbers_row(finding: Finding) -> list[str]:
    one = finding.headline
    return [
        measure_text(finding),
        _bold(finding),
        estimate_text(one, finding),
        f"{expected_in_words(finding)}{_direction(finding)}",
        _better(one),
    ]


def _notes(finding: Finding, table: LanguageTable) -> Iterator[str]:
    """What else is to be said of one measure, as items of a list."""
    yield from (f"- {measure_text(finding)}: {reason}." for reason in finding.reasons)
    if finding.headline is None:
        return
    isos = "; against: ".join(", ".join(one) for one in finding.languages)
    yield f"- {measure_text(finding)}: {coverage_in_words(finding)} Languages: {isos}."
    several = [one for one in finding.estimates if one.at]
    if several:
        yield (
            f"- {measure_text(finding)}, at {len(several)} places, which must all agree; the one "
            f"that decides stands above. Each interval has a confidence of "
            f"{several[0].confidence:.2%}, so that they hold together:"
        )
    for one in several:
        better = f", better in {_better(one)}" if one.num_better is not None else ""
        verdict = verdict_text(one.verdict, finding)
        number = estimate_text(one, finding)
        yield f"  - {place_in_words(one.at, table)}: {verdict}, {number}{better}"


def _better(one: Estimate | None) -> str:
    if one is None or one.num_better is None:
        return NONE
    return f"{one.num_better} of {len(one.languages[0])}"


def _direction(finding: Finding) -> str:
    if not isinstance(finding.claim.test, Difference | Trend):
        return ""
    return f" ({finding.measure.better} is better)"


def measure_text(finding: Finding) -> str:
    """`XNLI accuracy, seed 2`."""
    setting = _place(finding.setting)
    return finding.measure.label + (f", {setting}" if setting else "")


def _place(place: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in place)


def _bold(finding: Finding) -> str:
    text = verdict_with_why(finding)
    return f"**{text}**" if finding.verdict in ("holds", "does not hold") else text


def estimate_text(one: Estimate | None, finding: Finding) -> str:
    """`+0.31 [+0.12, +0.50] nats`."""
    if one is None:
        return NONE
    interval, sign = one.interval, "" if finding.unit == "correlation" else "+"
    number = f"{{:{sign}.{finding.decimals}f}}"
    text = number.format(interval.estimate)
    if interval.low is not None and interval.high is not None:
        if finding.unit == "points" and interval.high - interval.low > WHOLE_SCALE:
            return f"{text} points [no limit: too few seeds]"
        text += f" [{number.format(interval.low)}, {number.format(interval.high)}]"
    return text if finding.unit == "correlation" else f"{text} {finding.unit}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
