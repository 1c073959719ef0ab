"""What a claim's test does and what its interval covers, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from xmod.analysis.claims.judge import Finding
from xmod.analysis.claims.plan import Place
from xmod.analysis.claims.spec import Claim, Correlation, Difference, Side, Spread, Trend
from xmod.analysis.names import NAMES, axis_name, display, listed
from xmod.analysis.records import axis_text
from xmod.analysis.spec import LanguageFilter
from xmod.config_section import AxisValue
from xmod.languages import LanguageTable

FAMILY = {"related": "with relatives in pre-training", "alone": "without relatives in pre-training"}
FIRST = ("variant", "language_set", "budget")
"""Axes that are named before others."""


def describe_test(claim: Claim, table: LanguageTable) -> str:
    """`Mean score of X-MOD minus that of SHARED; ...`: what is estimated."""
    test = claim.test
    parts = {
        name: [_features(part, table) for part in side.parts(test.among)]
        for name, side in test.sides.items()
    }
    every = [features for found in parts.values() for features in found]
    common = {
        key: text
        for key, text in every[0].items()
        if len(every) > 1 and all(features.get(key) == text for features in every)
    }
    said = {name: _side(found, common) for name, found in parts.items()}
    of, against = said["of"], said.get("against")
    if isinstance(test, Trend):
        text = f"Fitted change of the mean score along {axis_name(test.along)}: {of}"
        text += f", minus {against}" if against else ""
    elif isinstance(test, Correlation):
        text = f"Correlation of scores along {axis_name(test.along)}: {of}, with {against}"
    elif isinstance(test, Spread):
        text = f"Mean deviation of scores over seeds: {of}, minus {against}"
    else:
        text = f"Mean score: {of}, minus {against}"
    if isinstance(test, Difference) and test.each:
        text += f"; at each {listed([axis_name(axis) for axis in test.each])}"
    among = ", ".join(text for text in common.values() if text)
    return f"{text}. Both: {among}." if among else f"{text}."


def expected_in_words(finding: Finding) -> str:
    """`above 0 points`: where the estimate should lie."""
    low, high = finding.expected.low, finding.expected.high
    if finding.unit == "correlation":
        return f"above {low:g}"
    if math.isinf(high):
        words = f"above {_bound(low, finding)}"
    elif math.isinf(low):
        words = f"below {_bound(high, finding)}"
    else:
        words = f"between {_bound(low, finding)} and {_bound(high, finding)}"
    return f"{words} {finding.unit}"


def place_in_words(place: Place, table: LanguageTable) -> str:
    """`checkpoint 0.5, language set 60`."""
    return ", ".join(_value(axis, [value], table) for axis, value in place)


def coverage_in_words(finding: Finding) -> str:
    """What the interval covers, and what it leaves out; empty where there is none."""
    if not finding.estimates:
        return ""
    counts = [len(isos) for isos in finding.languages]
    tuned, pretrained = finding.num_seeds or 0, finding.num_pretraining_seeds or 0
    levels = (
        (min(counts), f"{listed([str(count) for count in counts])} languages", "language"),
        (tuned, f"{tuned} seeds of fine-tuning", "seed of fine-tuning"),
        (pretrained, f"{pretrained} seeds of pre-training", "seed of pre-training"),
    )
    covered = [several for number, several, _ in levels if number > 1]
    single = [f"only one {one}" for number, _, one in levels if number == 1]
    words = f"The interval covers {listed(covered)}" if covered else "There is no interval"
    return f"{words}{f', with {listed(single)}' if single else ''}."


def _features(side: Side, table: LanguageTable) -> dict[str, str]:
    """Aspect -> words, the same aspects for every side."""
    axes = sorted(side.where, key=lambda axis: (*FIRST, axis).index(axis))
    found = {axis: _value(axis, side.where[axis], table) for axis in axes}
    group = display("group", str(side.group), table)
    found["languages"] = f"{group[0].lower()}{group[1:]}{_filter(side.languages)}"
    found["family"] = FAMILY.get(str(side.family), "")
    return found


def _filter(languages: LanguageFilter | None) -> str:
    if languages is None:
        return ""
    if languages.set is None:
        return f" {listed(languages.only or ())}"
    return f" of set {languages.set}{' and its added ones' if languages.with_added else ''}"


def _value(axis: str, values: Iterable[AxisValue], table: LanguageTable) -> str:
    texts = [axis_text(value) for value in values]
    names = [display(axis, text, table) for text in texts]
    if axis == "variant":
        return listed(names)
    if axis == "budget" and all(text in NAMES["budget"] for text in texts):
        return listed([name[0].lower() + name[1:] for name in names])
    return f"{axis_name(axis)} {listed(texts)}"


def _side(parts: Sequence[Mapping[str, str]], common: Mapping[str, str]) -> str:
    """What sets a side apart, and what is taken from it."""
    own = [text for key, text in parts[0].items() if key not in common and text]
    words = ", ".join(own)
    for taken in parts[1:]:
        differing = [text for key, text in taken.items() if text != parts[0].get(key) and text]
        words = f"({words}, less the same of {', '.join(differing)})"
    return words


def _bound(value: float, finding: Finding) -> str:
    return "0" if value == 0 else f"{value:+.{finding.decimals}f}"
