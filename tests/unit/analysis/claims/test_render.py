"""The page, the CSV and the JSON of findings, and the command that writes them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.analysis import synthetic
from tests.unit.analysis.claims import scenes
from tests.unit.analysis.claims.scenes import Asked
from xmod import judge_claims
from xmod.analysis.claims.judge import Finding, judge
from xmod.analysis.claims.render import COLUMNS, as_csv, as_record, markdown
from xmod.analysis.claims.words import coverage_in_words, describe_test, expected_in_words


def score(asked: Asked) -> float:
    """X-MOD leads by 2, of whatever, and loses nothing with more languages."""
    if asked.task == "mlm":
        return 4.0 - 0.1 * asked.is_xmod
    return 50.0 + 2.0 * asked.is_xmod


@pytest.fixture(scope="module")
def findings() -> tuple[Finding, ...]:
    """All claims, all runs there; NER made by a program."""
    points = scenes.everything()
    grid = scenes.grid(points, made=["ner"])
    frame = scenes.frame(points, score)
    return judge(scenes.declared(), frame, grid, synthetic.languages())


@pytest.fixture(scope="module")
def page(findings: tuple[Finding, ...]) -> str:
    method = scenes.declared().method
    return markdown(
        findings, method=method, table=synthetic.languages(), title_note="config: small"
    )


def of(findings: tuple[Finding, ...], name: str, measure: str) -> Finding:
    (found,) = [one for one in findings if (one.name, one.measure_name) == (name, measure)]
    return found


def test_the_page_begins_with_all_verdicts(page: str, findings: tuple[Finding, ...]) -> None:
    assert page.startswith("# Claims of the paper (config: small)\n")
    assert f"Of {len(findings)} verdicts: " in page
    name = "xmod_beats_shared_on_added_languages"
    assert (
        f"| [{name}](#{name}) | 5.2 | XNLI accuracy | **holds** | +2.0 [+2.0, +2.0] points |"
        in page
    )
    assert "|  |  | NER F1 | **holds (synthetic tasks)** | +2.0 [+2.0, +2.0] points |" in page
    assert "no interval covers the luck of pre-training" in page


def test_why_it_is_undecided_stands_beside_the_verdict() -> None:
    """A whole interval where the claim says, yet undecided, would puzzle."""
    found = scenes.judged("xmod_beats_shared_on_added_languages", "xnli", score, chance=49.0)
    text = markdown(
        [found], method=scenes.declared().method, table=synthetic.languages(), title_note=""
    )
    verdict = "undecided at this scale: a model is at chance"
    assert text.count(f"| XNLI accuracy | {verdict} | +2.0 [+2.0, +2.0] points |") == 2
    (row,) = csv.DictReader(io.StringIO(as_csv([found])))
    assert row["verdict"] == "undecided at this scale", "programs read the verdict alone"


def test_every_claim_is_quoted_stated_and_counted(page: str) -> None:
    for name, claim in scenes.declared().claims.items():
        start = page.index(f"\n## {name}\n")
        section = page[start : page.find("\n## ", start + 1)]
        assert f"> {claim.quote}" in section
        assert f"**{claim.statement}**" in section
        assert "| measure | verdict | estimate | expected | languages better |" in section


def test_places_stand_below_the_one_that_decides(page: str) -> None:
    assert "- XNLI accuracy, at 3 places, which must all agree; the one that decides" in page
    assert "confidence of 98.33%" in page
    assert "  - checkpoint 0.25: holds, +2.0 [+2.0, +2.0] points, better in 8 of 8\n" in page


def test_no_line_of_a_table_is_broken(page: str) -> None:
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) > 100
    assert {line.count("|") for line in rows} == {6}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "shared_loses_at_equal_steps",
            "Fitted change of the mean score along language set: SHARED, language set 13, 30, 60 "
            "and 75, equal update steps, pre-trained languages of set 13.",
        ),
        (
            "xmod_mitigates_interference",
            "Fitted change of the mean score along language set: X-MOD, minus SHARED. Both: "
            "language set 13, 30, 60 and 75, equal examples per language, pre-trained languages "
            "of set 13.",
        ),
        (
            "xmod_needs_more_updates",
            "Mean score: (X-MOD, twice the update steps, less the same of equal update steps), "
            "minus (SHARED, twice the update steps, less the same of equal update steps). Both: "
            "language set 13, pre-trained languages.",
        ),
        (
            "family_makes_no_difference",
            "Mean score: (added languages, with relatives in pre-training, less the same of "
            "pre-trained languages), minus (added languages, without relatives in pre-training, "
            "less the same of pre-trained languages). Both: X-MOD, language set 60 and 60-swapped.",
        ),
        (
            "xmod_leads_at_every_checkpoint",
            "Mean score: X-MOD, minus SHARED; at each checkpoint. Both: language set 60, "
            "pre-trained languages.",
        ),
        (
            "xmod_of_75_languages_is_less_stable",
            "Mean deviation of scores over seeds: language set 75, minus language set 13, 30 and "
            "60. Both: X-MOD, equal examples per language, pre-trained languages of set 13.",
        ),
        (
            "adapters_follow_shared_nm",
            "Correlation of scores along language set: adapters, with shared, no module. Both: "
            "equal update steps, pre-trained languages of set 13.",
        ),
    ],
)
def test_tests_are_told_in_words(name: str, words: str) -> None:
    assert describe_test(scenes.declared().claims[name], synthetic.languages()) == words


def test_what_is_expected_is_told_in_words(findings: tuple[Finding, ...]) -> None:
    told = {
        ("shared_loses_at_equal_steps", "perplexity"): "above 0 nats",
        ("xmod_keeps_perplexity", "perplexity"): "below +0.020 nats",
        ("added_on_par_with_pretrained", "xnli"): "between -1.0 and +1.0 points",
        ("adapters_follow_shared_nm", "xnli"): "above 0.7",
    }
    for key, words in told.items():
        assert expected_in_words(of(findings, *key)) == words


def test_what_the_interval_covers_is_told(findings: tuple[Finding, ...]) -> None:
    told = {
        ("xmod_mitigates_interference", "perplexity"): (
            "The interval covers 2 languages, with only one seed of pre-training."
        ),
        ("xmod_mitigates_interference", "xnli"): (
            "The interval covers 8 languages and 2 seeds of fine-tuning, with only one seed of "
            "pre-training."
        ),
        ("xmod_leads_in_the_source_language_after_more_updates", "xnli"): (
            "The interval covers 2 seeds of fine-tuning, with only one language and only one seed "
            "of pre-training."
        ),
        ("family_makes_no_difference", "xnli"): (
            "The interval covers 8 and 4 languages and 2 seeds of fine-tuning, with only one seed "
            "of pre-training."
        ),
    }
    for key, words in told.items():
        assert coverage_in_words(of(findings, *key)) == words


def test_the_csv_has_a_row_a_finding_and_a_row_a_place(findings: tuple[Finding, ...]) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(findings))))
    assert tuple(rows[0]) == COLUMNS
    assert sum(row["place"] == "" for row in rows) == len(findings)
    best = [row for row in rows if row["claim"] == "xmod_of_60_languages_is_best"]
    assert len(best) == 2 * (1 + 7)
    ner = [row for row in rows if row["measure"] == "ner"]
    assert all(row["synthetic"] == "true" for row in ner)
    assert all(row["verdict"].endswith(" (synthetic tasks)") for row in ner)
    one = next(row for row in rows if row["claim"] == "xmod_beats_shared_on_added_languages")
    assert {key: one[key] for key in ("estimate", "unit", "num_languages", "num_seeds")} == {
        "estimate": "2.0", "unit": "points", "num_languages": "7", "num_seeds": "2",
    }  # fmt: skip


def test_the_record_has_everything(findings: tuple[Finding, ...]) -> None:
    record = as_record(
        of(findings, "xmod_leads_at_every_checkpoint", "xnli"), synthetic.languages()
    )
    json.dumps(record, allow_nan=False)
    assert record["verdict"] == "holds"
    assert [place["at"] for place in record["places"]] == [
        {"checkpoint": text} for text in ("0.25", "0.5", "1.0")
    ]
    assert record["languages"] == [["en", "ar", "fr", "hi", "ru", "th", "vi", "sw"]]


def test_nothing_run_yet_is_a_page_too() -> None:
    points = scenes.points("main", variant=("shared", "xmod"), language_set=("13", "30"))
    frame = scenes.frame(points, score).iloc[:0]
    grid = scenes.grid(points, made=["ner"])
    found = judge(scenes.declared(), frame, grid, synthetic.languages())
    assert {one.verdict for one in found} == {"not run"}
    assert any(one.is_synthetic for one in found)
    text = markdown(
        found, method=scenes.declared().method, table=synthetic.languages(), title_note=""
    )
    assert f"Of {len(found)} verdicts: {len(found)} *not run*." in text
    assert "| NER F1 | not run | – |" in text
    assert len(as_csv(found).splitlines()) == 1 + len(found)


def run(folder: Path, **changes: str) -> list[str]:
    options: dict[str, Any] = {
        "claims": scenes.CLAIMS,
        "grid": folder / "grid.json",
        "metrics": folder / "metrics.csv",
        "languages": synthetic.LANGUAGES,
        "output": folder / "claims.md",
        **changes,
    }
    return [text for key, value in options.items() for text in (f"--{key}", str(value))]


def test_the_command_writes_page_csv_json_and_manifest(
    tmp_path: Path, complete: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On perplexity alone: SHARED gets 0.01 nats worse with each further language, X-MOD none."""
    for name in ("grid.json", "metrics.csv"):
        (tmp_path / name).write_bytes((complete / name).read_bytes())
    judge_claims.main(run(tmp_path, **{"title-note": "config: small"}))
    assert "holds: 4" in capsys.readouterr().out
    files = {path.name for path in tmp_path.iterdir()} - {"grid.json", "metrics.csv"}
    assert files == {"claims.md", "claims.csv", "claims.json", "claims.manifest.json"}
    record = json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))
    assert record["method"] == {"confidence": 0.95, "resamples": 10000, "seed": 1}
    first = record["findings"][0]
    assert (first["claim"], first["verdict"]) == ("shared_loses_at_equal_steps", "holds")
    assert first["low"] == pytest.approx(first["high"]), "all languages change alike"
    lift = next(one for one in record["findings"] if one["claim"] == "xmod_mitigates_interference")
    assert (lift["verdict"], lift["estimate"] < 0) == ("holds", True)
    before = (tmp_path / "claims.csv").read_bytes()
    judge_claims.main(run(tmp_path, **{"title-note": "config: small"}))
    assert (tmp_path / "claims.csv").read_bytes() == before
