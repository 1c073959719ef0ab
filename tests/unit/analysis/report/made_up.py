"""A small run whose files are made up, job by job: no job is run, and no number means anything."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.unit.analysis import synthetic
from xmod import report
from xmod.analysis.aggregate import tabulate, write_metrics
from xmod.analysis.curves import read_history, write_curves
from xmod.analysis.records import read_scores
from xmod.analysis.report.plan import Plan
from xmod.analysis.report.state import Job

ROOT = Path(__file__).parents[4]
BEGIN = 4_000_000_000.0
"""When the first job ended, after all that was there before; each later one ends ten seconds on."""
STEP = 10.0
LATER = BEGIN + 1_000_000.0
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel."""


def config(**changes: Any) -> dict[str, Any]:
    """config/small.yaml with four cells, two tasks of two runs, and a figure or table of each."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config/small.yaml").read_text(encoding="utf-8"))
    axes = {"variant": ["shared", "xmod"], "language_set": [13, 30], "budget": ["equal_steps"]}
    raw["experiments"] = {"main": {"axes": axes}}
    raw["tasks"] = {name: {**raw["tasks"][name], "seeds": 1} for name in ("nli", "ner")}
    raw["figures"] = ["figure_2a", "figure_4a"]
    raw["tables"] = ["table_1", "table_perplexity"]
    return {**raw, **changes}


def plan_in(folder: Path, **changes: Any) -> Plan:
    """The plan of a run in `folder`, which must be the working folder."""
    if not (folder / "config").exists():
        (folder / "config").symlink_to(ROOT / "config")
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(config(**changes)), encoding="utf-8")
    return report.plan_of(Path("mine.yaml"))


def finish(plan: Plan, *, stages: Iterable[str] | None = None) -> None:
    """Write what the jobs of `stages`, or of all, would leave, one after another."""
    for order, job in enumerate(plan.jobs):
        if stages is None or job.stage in stages:
            finish_job(plan, job, at=BEGIN + STEP * order)


def finish_job(plan: Plan, job: Job, *, at: float) -> None:
    for path in map(Path, (job.log, job.benchmark)):
        if path.name:
            write(path, "s\tmax_rss\tcpu_time\n2.5\t300.0\t2.0\n", at=at - 1)
    if job.told_in and not job.told_in.endswith("manifest.json"):
        write(Path(job.told_in), job.told + "\n", at=at - 2)
    for path in map(Path, job.outputs):
        if str(path) != job.told_in:
            write(path, content(plan, job, path), at=at)
    if job.told_in.endswith("manifest.json"):
        write(Path(job.told_in), manifest(json.loads(job.told), stage=job.stage), at=at)
    os.utime(job.outputs[0], (at, at))


def write(path: Path, content: str | bytes, *, at: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (at, at))


def content(plan: Plan, job: Job, path: Path) -> str | bytes:
    """Something of the right form."""
    if path.suffix == ".png":
        return PNG
    if job.stage == "perplexity" and path.name == "perplexity.json":
        return json.dumps(perplexity(plan, job.scope))
    if job.stage == "evaluate" and path.name == "scores.json":
        return json.dumps(run_scores(job, path))
    if job.stage == "select" and path.name == "scores.json":
        return json.dumps(selected(plan, job, path))
    if path.name == "metrics.csv":
        return metrics(plan, path)
    if path.name == "stats.json":
        counts = {"documents": 2, "lines": 3, "characters": 40, "bytes": 50}
        return json.dumps({"splits": {"train": counts, "heldout": counts}, "dropped": {"short": 1}})
    if path.name == "vocabulary_stats.csv":
        head = "split,num_tokens,tokens_per_character,unknown_rate\n"
        return f"{head}train,20,0.5,0.0\nheldout,2,0.5,0.01\n"
    if path.name == "vocabulary.json":
        return json.dumps({"size": 3002, "trained": True, "fingerprint": "f" * 64})
    if path.name == "history.csv":
        return "update,loss,gradient_norm,learning_rate\n1,9.5,1.0,0.1\n2,8.25,1.0,0.1\n"
    if path.name == "curves.csv":
        return curves(plan, path)
    if path.name.endswith("manifest.json"):
        told = json.loads(job.told) if job.told.startswith("{") else {}
        return manifest(told, stage=job.stage)
    return "made up\n"


def manifest(told: dict[str, Any], *, stage: str) -> str:
    trained = {"training_seconds": 4.0, "training_tokens": 1_000_000, "device": "cpu"}
    return json.dumps({
        "stage": stage,
        "config": told,
        "code_digest": "0123456789abcdef",
        "git_commit": "abc+changes",
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "finished_at": "2026-01-01T00:00:00Z",
        "precision": "float32",
        "overlapping_pieces": 10,
        "num_pieces": 100,
        "parameters": {"total": 300, "active": 200},
        **(trained if stage in ("pretrain", "extend", "finetune") else {}),
    })  # fmt: skip


def point(plan: Plan, cell: str) -> dict[str, Any]:
    return next(one for one in plan.grid.points if one.cell == cell).model_dump(mode="json")


def perplexity(plan: Plan, cell: str) -> dict[str, Any]:
    return synthetic.scores(point(plan, cell))


def run_scores(job: Job, path: Path) -> dict[str, Any]:
    """Of one fine-tuning run: the better, the higher its learning rate."""
    words = dict(pair.split("=") for pair in path.parent.name.split("+"))
    run = {"learning_rate": float(words["learning_rate"]), "epochs": 3, "seed": int(words["seed"])}
    metric, test = {"nli": ("accuracy", "xnli"), "ner": ("f1", "ner")}[job.task]
    records = [
        synthetic.record(
            stage=stage, task=name, metric=metric, language=iso, group=group, seed=run["seed"],
            value=40 + 1000 * run["learning_rate"],
        )
        for stage, name in (("development", job.task), ("evaluate", test))
        for iso, group in (("en", "source"), ("en", "pretrained"), ("fr", "pretrained"))
    ]  # fmt: skip
    return {"cell": job.scope, "metric": metric, "run": run, "records": records}


def selected(plan: Plan, job: Job, path: Path) -> dict[str, Any]:
    """The run with the higher learning rate."""
    best = max(run.learning_rate for run in plan.tasks[job.task].runs)
    names = [one.name for one in plan.tasks[job.task].runs if one.learning_rate == best]
    cell = path.parent.name
    runs = [plan.root / "evaluate" / job.task / cell / name / "scores.json" for name in names]
    records = [record for run in runs for record in json.loads(run.read_text())["records"]]
    return {"cell": cell, "task": job.task, "records": records}


def curves(plan: Plan, path: Path) -> bytes:
    """Of all histories that are there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = plan.root.glob("pretrain/*/history.csv")
    write_curves(path, plan.grid, {file.parent.name: read_history(file) for file in files})
    return path.read_bytes()


def metrics(plan: Plan, path: Path) -> bytes:
    """Of all score files that are there."""
    files = [*plan.root.glob("perplexity/*/perplexity.json")]
    files += plan.root.glob("selection/*/*/scores.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_metrics(path, tabulate(plan.grid, read_scores(files)))
    return path.read_bytes()
