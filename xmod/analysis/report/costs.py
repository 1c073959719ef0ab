"""What the run took: time, memory and tokens, by stage and by model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xmod.analysis.names import ordered
from xmod.analysis.report.facts import Facts, duration, grouped, lines_of, magnitude, table_of

TRAINING = ("pretrain", "import released", "adapt", "extend", "finetune")
ORDER = (
    *("corpora", "vocabulary", "tokens", "added vocabulary", "added tokens"),
    *("pretrain", "adapt", "join adapters", "extend", "perplexity"),
    *("tasks", "baselines", "features", "added features", "finetune", "evaluate"),
)
"""Of the stages; any other comes last."""


@dataclass
class Cost:
    """Of one stage."""

    num_jobs: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    training_seconds: float = 0.0
    accelerator_seconds: float = 0.0
    """Of each accelerator, where several trained together."""
    training_tokens: int = 0
    devices: set[str] = field(default_factory=set)


def costs(root: Path, manifests: Sequence[Mapping[str, Any]]) -> tuple[Facts, ...]:
    """The stages' costs and the pre-trained models', as far as there are any."""
    stages = measure(root, manifests)
    found = [_stages(root, stages)] if stages else []
    models = [one for one in manifests if one["stage"] == "pretrain"]
    return (*found, *([_models(root, models)] if models else []))


def totals(root: Path, manifests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The numbers worth seeing first; none where nothing has ended."""
    stages = measure(root, manifests).values()
    found = {
        "training tokens": magnitude(sum(cost.training_tokens for cost in stages)),
        "job time": duration(sum(cost.seconds for cost in stages)),
        "on accelerators": duration(sum(cost.accelerator_seconds for cost in stages)),
    }
    return {label: text for label, text in found.items() if text not in ("0", "0 s")}


def measure(root: Path, manifests: Iterable[Mapping[str, Any]]) -> dict[str, Cost]:
    """Stage -> what its finished jobs took, of however many runs of Snakemake."""
    stages: dict[str, Cost] = defaultdict(Cost)
    for path in sorted((root / "benchmarks").rglob("*.tsv")):
        stage = path.relative_to(root / "benchmarks").parts[0].removesuffix(".tsv")
        cost = stages[stage.replace("_", " ")]
        cost.num_jobs += 1
        for row in lines_of(path, delimiter="\t"):
            cost.seconds += number(row.get("s"))
            cost.cpu_seconds += number(row.get("cpu_time"))
            cost.peak_mb = max(cost.peak_mb, number(row.get("max_rss")))
    for one in manifests:
        if one["stage"] in TRAINING:
            cost = stages[one["stage"]]
            cost.training_seconds += one.get("training_seconds", 0.0)
            cost.training_tokens += one.get("training_tokens", 0)
            cost.devices.add(one.get("device", ""))
            if one.get("device", "cpu") != "cpu":
                seconds = one.get("training_seconds", 0.0)
                cost.accelerator_seconds += seconds * one.get("num_processes", 1)
    return {stage: stages[stage] for stage in ordered("stage", stages, ORDER)}


def number(text: str | None) -> float:
    """A number of Snakemake's benchmark; 0 where it could not measure (`-`, `NA`)."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _stages(root: Path, stages: Mapping[str, Cost]) -> Facts:
    rows = [
        (
            name,
            grouped(cost.num_jobs),
            duration(cost.seconds),
            duration(cost.cpu_seconds),
            duration(cost.training_seconds) if cost.training_seconds else "",
            grouped(cost.training_tokens) if cost.training_tokens else "",
            f"{cost.peak_mb / 1000:.1f} GB" if cost.peak_mb else "",
        )
        for name, cost in stages.items()
    ]
    every = stages.values()
    seconds = sum(cost.seconds for cost in every)
    accelerated = sum(cost.accelerator_seconds for cost in every)
    devices = sorted(set().union(*(cost.devices for cost in every)) - {""})
    words = [f"{sum(cost.num_jobs for cost in every)} finished jobs took {duration(seconds)}"]
    words.append(f"{duration(sum(cost.cpu_seconds for cost in every))} of processor time")
    if accelerated:
        words.append(f"{duration(accelerated)} of training on an accelerator")
    clock = [row for row in lines_of(root / "summary/timings.csv") if row["stage"] == "run"]
    wall = duration(float(clock[0]["wall_seconds"])) if clock else ""
    last = f" The last run took {wall} by the clock." if clock else ""
    where = f" Trained on: {', '.join(devices)}." if devices else ""
    return Facts(
        title="Time and memory by stage",
        summary=(
            f"{', '.join(words)}. Jobs beside each other count each; those that failed and quick "
            f"ones (figures, tables) are not counted.{last}{where}"
        ),
        table=table_of(
            ("Stage",),
            ("Jobs", "Time", "Processor", "Training", "Training tokens", "Peak memory"),
            rows,
        ),
    )


def _models(root: Path, manifests: Sequence[Mapping[str, Any]]) -> Facts:
    """A row a model; of one that was joined from adapters, their training is theirs."""
    rows = []
    for one in sorted(manifests, key=lambda manifest: str(manifest["config"]["cell"])):
        job, seconds = one["config"], one.get("training_seconds", 0.0)
        tokens = one.get("training_tokens", 0)
        history = list(lines_of(root / "pretrain" / job["cell"] / "history.csv"))
        rows.append((
            job["cell"],
            grouped(len(job["languages"])),
            grouped(job["budget_updates"]) if "budget_updates" in job else "",
            grouped(one["parameters"]["total"]),
            grouped(one["parameters"]["active"]),
            grouped(tokens) if tokens else "",
            duration(seconds) if seconds else "",
            grouped(round(tokens / seconds)) if seconds else "",
            f"{float(history[-1]['loss']):.3f}" if history else "",
            ", ".join(filter(None, (one.get("device"), one.get("precision")))),
        ))  # fmt: skip
    return Facts(
        title="Pre-trained models",
        summary=(
            f"{len(rows)} models. Active are the parameters that one language uses; the loss is "
            "the mean over the last updates of pre-training, in nats a masked token."
        ),
        table=table_of(
            ("Cell",),
            (
                *("Languages", "Updates", "Parameters", "active", "Tokens", "Training"),
                *("Tokens/s", "Loss", "Device"),
            ),
            rows,
        ),
    )
