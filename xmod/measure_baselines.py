"""Measure what a task's sets give away: `python -m xmod.measure_baselines --sets folder ...`.

Reads the sets as `python -m xmod.read_task` writes them, `<set>/<iso>.jsonl`; writes every
baseline of every test set and language as JSON, and prints their means as a Markdown table.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from xmod.command import run
from xmod.config_tasks import TaskKind
from xmod.files import write_json_atomic
from xmod.tasks.baselines import Scores, measure_baselines
from xmod.tasks.examples import Example, TaskDataError, read_examples

Found = dict[str, dict[str, Scores]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.measure_baselines", description=__doc__)
    parser.add_argument("--sets", type=Path, required=True, help="folder of <set>/<iso>.jsonl")
    parser.add_argument("--kind", choices=get_args(TaskKind), required=True, help="of the task")
    parser.add_argument("--source", default="en", help="the language of the training set")
    parser.add_argument("--output", type=Path, required=True, help="the scores, as JSON")
    options = parser.parse_args(arguments)
    kind: TaskKind = options.kind
    sets = {
        folder.name: {
            path.stem: list(read_examples(path, kind)) for path in sorted(folder.glob("*.jsonl"))
        }
        for folder in sorted(options.sets.iterdir())
        if folder.is_dir()
    }
    for name, language in (("train", options.source), ("development", options.source)):
        if language not in sets.get(name, {}):
            raise TaskDataError(
                f"{options.sets} has no {name}/{language}.jsonl; read the task first"
            )
    train, development = sets.pop("train")[options.source], sets.pop("development")
    records = []
    for name, test in sets.items():
        found = measure_baselines(kind, train=train, development=development, test=test)
        records += list(_records(name, found))
        print(f"\n{name}, {_count(test)}\n\n{_table(found, options.source)}")
    write_json_atomic(options.output, {"kind": kind, "records": records})


def _records(name: str, found: Found) -> list[dict[str, str | float]]:
    return [
        {"set": name, "language": iso, "baseline": _name(one), "metric": metric, "value": value}
        for iso, scores in found.items()
        for one, values in scores.items()
        for metric, value in values.items()
    ]


def _name(baseline: str) -> str:
    """As a part of a metric's name: `word only (in language)` is word_only_in_language."""
    return "_".join(re.findall(r"[a-z]+", baseline))


def _count(test: dict[str, list[Example]]) -> str:
    sizes = sorted({len(examples) for examples in test.values()})
    return f"{len(test)} languages, {' or '.join(map(str, sizes))} examples each"


def _table(found: Found, source: str) -> str:
    """The source's score, and the mean, lowest and highest of the other languages'."""
    lines = ["| baseline | metric | source | others, mean | lowest | highest |"]
    lines.append("|---|---|---|---|---|---|")
    names = dict.fromkeys(
        (one, metric) for scores in found.values() for one in scores for metric in scores[one]
    )
    for one, metric in names:
        values = {iso: scores[one][metric] for iso, scores in found.items() if one in scores}
        own = values.pop(source, None)
        cells = [one, metric, "" if own is None else f"{own:.1f}"]
        others = list(values.values())
        cells += (
            [f"{sum(others) / len(others):.1f}", f"{min(others):.1f}", f"{max(others):.1f}"]
            if others
            else [""] * 3
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
