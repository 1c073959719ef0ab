"""Text, costs and provenance, from files that were put there by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.analysis.report.made_up import LATER, finish, write
from xmod.analysis.report.costs import costs, measure, totals
from xmod.analysis.report.facts import Facts, duration, magnitude
from xmod.analysis.report.plan import Plan
from xmod.analysis.report.provenance import manifests, provenance
from xmod.analysis.report.texts import texts


def rows(facts: Facts) -> list[tuple[str, ...]]:
    return list(facts.table.records)


def test_nothing_yet(plan: Plan) -> None:
    assert texts(plan.root, plan.languages) == ()
    assert costs(plan.root, ()) == ()
    assert totals(plan.root, ()) == {}
    assert provenance((), code_digest="x").facts is None


def test_text_and_vocabularies(plan: Plan) -> None:
    finish(plan)
    corpora, vocabulary, added = texts(plan.root, plan.languages)
    assert corpora.title == "Corpora", "of the scope that all cells share"
    assert "85 languages, 3,400 characters" in corpora.summary
    assert rows(corpora)[0] == ("English", "en", "Latin", "40", "40", "2", "3", "1")
    assert "script" not in corpora.summary, "embedded text has no file"
    assert (
        "3,002 ids, SentencePiece model trained here, SHA-256 ffffffffffff." in vocabulary.summary
    )
    assert rows(vocabulary)[0] == ("English", "en", "20", "2", "2.00", "1.00%")
    names = [iso for _, iso, *_ in rows(added)]
    assert names == ["bg", "de", "el", "es", "tr", "ur", "zh"]
    assert rows(added)[0] == ("Bulgarian", "bg", "3,002", "10 (10%)", "20", "2", "2.00", "1.00%")


def test_half_of_the_text(plan: Plan) -> None:
    finish(plan, stages=["corpora"])
    for stats in plan.root.glob("corpora/default/*/stats.json"):
        if stats.parent.name not in ("en", "fr"):
            stats.unlink()
    (corpora,) = texts(plan.root, plan.languages)
    assert [iso for _, iso, *_ in rows(corpora)] == ["en", "fr"]


def test_text_in_another_script_is_named(plan: Plan) -> None:
    finish(plan, stages=["corpora"])
    for iso, share in (("en", 0.975), ("th", 0.1)):
        path = plan.root / f"corpora/default/{iso}/stats.json"
        stats = {**json.loads(path.read_text()), "script_share": share}
        write(path, json.dumps(stats), at=LATER)
    (corpora,) = texts(plan.root, plan.languages)
    assert corpora.summary.endswith(" Hardly in their script: Thai (10%).")
    scripts = [script for _, _, script, *_ in rows(corpora) if "%" in script]
    assert scripts == ["Latin (97.5%)", "Thai (10.0%)"]


def test_costs_by_stage(plan: Plan) -> None:
    finish(plan)
    found = tuple(manifests(plan.root))
    stages = measure(plan.root, found)
    assert (stages["pretrain"].num_jobs, stages["pretrain"].seconds) == (4, 10.0)
    assert stages["pretrain"].training_seconds == 16.0
    assert stages["extend"].training_tokens == 4 * 7 * 1_000_000
    by_stage, models = costs(plan.root, found)
    assert ("pretrain", "4", "10 s", "8 s", "16 s", "4,000,000", "0.3 GB") in rows(by_stage)
    assert "accelerator" not in by_stage.summary
    assert "Trained on: cpu." in by_stage.summary
    assert rows(models)[0] == (
        *("shared.toy.13.1500", "13", "1,500", "300", "200", "1,000,000", "4 s", "250,000"),
        *("8.250", "cpu, float32"),
    )
    assert totals(plan.root, found)["training tokens"] == "48.0 M"


def test_accelerators_and_the_clock_are_told(tmp_path: Path) -> None:
    trained: dict[str, Any] = {"stage": "finetune", "training_seconds": 7200.0}
    found = [{**trained, "training_tokens": 5, "device": "NVIDIA H100"}]
    found.append({**found[0], "stage": "adapt", "num_processes": 8})
    timings = "stage,wall_seconds\npretrain,3\nrun,620.5\n"
    write(tmp_path / "summary/timings.csv", timings, at=LATER)
    (by_stage,) = costs(tmp_path, found)
    assert "18:00:00 h of training on an accelerator" in by_stage.summary
    assert "The last run took 10:20 min by the clock." in by_stage.summary
    assert totals(tmp_path, found)["on accelerators"] == "18:00:00 h"


def test_what_snakemake_could_not_measure_counts_nothing(tmp_path: Path) -> None:
    write(tmp_path / "benchmarks/pretrain/a.tsv", "s\tmax_rss\tcpu_time\n3\t-\tNA\n", at=LATER)
    cost = measure(tmp_path, ())["pretrain"]
    assert (cost.seconds, cost.cpu_seconds, cost.peak_mb) == (3.0, 0.0, 0.0)


def test_mixed_code_is_flagged(plan: Plan) -> None:
    finish(plan)
    path = next(plan.root.glob("pretrain/*/manifest.json"))
    other = {**json.loads(path.read_text()), "code_digest": "other", "processor": "another"}
    write(path, json.dumps(other), at=LATER)
    found = tuple(manifests(plan.root))
    origin = provenance(found, code_digest="other")
    assert origin.num_manifests == len(found)
    assert origin.mixed[0].startswith("Mixed code: the results come from 2 states of the package")
    assert f"{len(found) - 1} of {len(found)} results come from other code" in origin.mixed[1]
    assert any("+changes" in line for line in origin.mixed)
    assert any(line.startswith("Mixed processor: ") for line in origin.mixed)
    assert origin.facts is not None
    told = {value: (count, stages) for _, value, count, stages in rows(origin.facts)}
    assert told["other (the code as it is now)"] == ("1", "pretrain")


def test_a_manifest_that_is_not_whole_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "pretrain/a/manifest.json", '{"stage": "pretrain"', at=LATER)
    write(tmp_path / "pretrain/b/manifest.json", '{"stage": "pretrain"}', at=LATER)
    assert tuple(manifests(tmp_path)) == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1:00 min"), (725, "12:05 min"), (94_200, "26:10:00 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(999_999, "999,999"), (1_234_567, "1.2 M"), (5 * 10**12, "5.0 T")]
)
def test_magnitudes(number: int, text: str) -> None:
    assert magnitude(number) == text
