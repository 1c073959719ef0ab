"""A small synthetic grid with hand-set numbers, shared by the tests of analysis."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from xmod import aggregate
from xmod.analysis.aggregate import read_metrics
from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.records import GridPoints, read_grid
from xmod.languages import LanguageTable, read_languages

ROOT = Path(__file__).parents[3]
LANGUAGES = ROOT / "config" / "languages.tsv"
FIGURES = ROOT / "config" / "figures.yaml"
UPDATES = {"13": 1219, "30": 1906, "60": 2541, "75": 2569}
VARIANTS, BUDGETS = ("shared", "xmod"), ("equal_steps", "equal_examples")

Json = dict[str, Any]


def languages() -> LanguageTable:
    return read_languages(LANGUAGES)


def nll(variant: str, num_languages: int, index: int) -> float:
    """The negative log-likelihood that every cell gets: simple enough to compute by hand."""
    return 4.0 + index / 10 + (num_languages / 100 if variant == "shared" else 0.0)


def grid(sets: Sequence[str] = ("13", "30", "60", "75"), **axes: Sequence[Any]) -> Json:
    """grid.json of experiment main; each keyword is a further axis (`__` stands for a dot)."""
    further = {name.replace("__", "."): values for name, values in axes.items()}
    names = ["variant", "model.size", "language_set", "budget", *further]
    points = [
        _point(dict(zip(names, (variant, "small", name, budget, *values), strict=True)))
        for budget, name, variant in itertools.product(BUDGETS, sets, VARIANTS)
        for values in itertools.product(*further.values())
    ]
    return {"axes": names, "points": points}


def _point(axes: Json) -> Json:
    table, name = languages(), axes["language_set"]
    updates = UPDATES["13" if axes["budget"] == "equal_steps" else name]
    more = dict(list(axes.items())[4:])
    tail = "".join(f"+{key}={json.dumps(value)}" for key, value in more.items())
    return {
        "experiment": "main",
        "cell": f"{axes['variant']}.small.{name}.{updates}{tail}",
        "axes": axes,
        "budget_updates": updates,
        "num_languages": len(table.language_set(name)),
        "languages": list(table.language_set(name)),
        "added": list(table.added(name)),
    }


def scores(point: Json, *, shift: float = 0.0, isos: Sequence[str] | None = None) -> Json:
    """A cell's scores: nll, perplexity (nll * 10) and a constant unigram_nll."""
    records = []
    for index, iso in enumerate((*point["languages"], *point["added"])):
        if isos is not None and iso not in isos:
            continue
        group = "pretrained" if iso in point["languages"] else "added"
        value = nll(point["axes"]["variant"], point["num_languages"], index) + shift
        numbers = {
            "nll": value,
            "perplexity": value * 10,
            "unigram_nll": 6.0,
            "shuffled_nll": value + 1,
            **({"wrong_module_nll": value + 2} if point["axes"]["variant"] == "xmod" else {}),
        }
        records += [
            record(language=iso, group=group, metric=metric, value=number)
            for metric, number in numbers.items()
        ]
    return {"cell": point["cell"], "records": records}


def record(**values: Any) -> Json:
    """A record: perplexity of English, but for what is given."""
    base = {"stage": "perplexity", "task": "mlm", "metric": "nll", "language": "en"}
    return {**base, "group": "pretrained", "seed": 1, "value": 4.5, **values}


def write(folder: Path, grid_json: Json, files: Sequence[Json]) -> tuple[Path, list[Path]]:
    """Write grid.json and one file for each of `files`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "grid.json"
    path.write_text(json.dumps(grid_json))
    paths = [folder / f"scores_{index}.json" for index in range(len(files))]
    for scores_path, content in zip(paths, files, strict=True):
        scores_path.write_text(json.dumps(content))
    return path, paths


def all_scores(grid_json: Json) -> list[Json]:
    """One scores file for each distinct cell."""
    return [scores(p) for p in {p["cell"]: p for p in grid_json["points"]}.values()]


def aggregated(folder: Path, grid_json: Json, files: Sequence[Json]) -> Path:
    """`folder` with grid.json and the metrics.csv that `xmod.aggregate` makes of `files`."""
    path, paths = write(folder, grid_json, files)
    arguments = ["--grid", str(path), "--scores", *map(str, paths)]
    aggregate.main([*arguments, "--output", str(folder / "metrics.csv")])
    return folder


def read(folder: Path) -> tuple[pd.DataFrame, GridPoints]:
    """What `aggregated` wrote."""
    points = read_grid(folder / "grid.json")
    return read_metrics(folder / "metrics.csv", points), points


def figure(**changes: Any) -> FigureSpec:
    """figure_2a as shipped, with some keys changed."""
    raw = yaml.safe_load(FIGURES.read_text(encoding="utf-8"))["figures"]["figure_2a"]
    return FigureSpec.model_validate({**raw, **changes})
