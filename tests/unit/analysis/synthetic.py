"""A small synthetic grid with hand-set numbers, shared by the tests of analysis."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from xmod import aggregate, gather_curves
from xmod.analysis.aggregate import read_metrics, stage_cell
from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.published import AVERAGE, published
from xmod.analysis.records import GridPoints, read_grid
from xmod.analysis.tables.languages import EVALUATION
from xmod.cells import format_updates
from xmod.config import parse
from xmod.grid import expand
from xmod.jobs import grid_record
from xmod.languages import LanguageTable, read_languages

ROOT = Path(__file__).parents[3]
LANGUAGES = ROOT / "config" / "languages.tsv"
FIGURES = ROOT / "config" / "figures.yaml"
UPDATES = {"13": 1219, "30": 1906, "60": 2541, "75": 2569}
PAPER_UPDATES = {"13": 125000, "30": 195000, "60": 265000, "75": 269000}
METRICS = {"xnli": ["accuracy"], "ner": ["f1"], "xquad": ["f1", "exact_match"],
           "mlqa": ["f1", "exact_match"]}  # fmt: skip
IDENTITY = ("variant", "model.size", "language_set", "budget")
SEEDS = (1, 2, 3, 4, 5)
VARIANTS, BUDGETS = ("shared", "xmod"), ("equal_steps", "equal_examples")

Json = dict[str, Any]


def languages() -> LanguageTable:
    return read_languages(LANGUAGES)


def nll(variant: str, num_languages: int, index: int) -> float:
    """The negative log-likelihood that every cell gets: simple enough to compute by hand."""
    return 4.0 + index / 10 + (0.0 if variant == "xmod" else num_languages / 100)


def grid(
    sets: Sequence[str] = ("13", "30", "60", "75"),
    *,
    size: str = "small",
    updates: Mapping[str, int] = UPDATES,
    **axes: Sequence[Any],
) -> Json:
    """grid.json of experiment main; each keyword is a further axis (`__` stands for a dot)."""
    further = {name.replace("__", "."): values for name, values in axes.items()}
    names = [*IDENTITY, *further]
    points = [
        _point(dict(zip(names, (variant, size, name, budget, *values), strict=True)), updates)
        for budget, name, variant in itertools.product(BUDGETS, sets, VARIANTS)
        for values in itertools.product(*further.values())
    ]
    return {"axes": names, "points": points}


def _point(axes: Json, updates_of: Mapping[str, int]) -> Json:
    table, name = languages(), axes["language_set"]
    updates = updates_of["13" if axes["budget"] == "equal_steps" else name]
    more = dict(list(axes.items())[4:])
    tail = "".join(f"+{key}={json.dumps(value)}" for key, value in more.items())
    head = f"{axes['variant']}.{axes['model.size']}.{name}.{format_updates(updates)}"
    return {
        "experiment": "main",
        "cell": f"{head}{tail}",
        "axes": axes,
        "budget_updates": updates,
        "num_languages": len(table.language_set(name)),
        "languages": list(table.language_set(name)),
        "added": list(table.added(name)),
    }


def random_weights(variant: str) -> Json:
    """A point of the control that starts from random weights."""
    axes = dict(zip(IDENTITY, (variant, "base", "13", "0"), strict=True))
    return {**_point(axes, {"13": 0}), "experiment": "random_weights"}


def with_tasks(grid_json: Json, *, seeds: int = 5, made: Sequence[str] = ()) -> Json:
    """`grid_json`, evaluated on the paper's sets, of which those in `made` are synthetic."""
    sets = [
        {"experiment": "main", "stage": "evaluate", "task": task, "seeds": seeds,
         "synthetic": task in made}
        for task in METRICS
    ]  # fmt: skip
    return {**grid_json, "sets": sets}


def paper_grid(**sets: Any) -> Json:
    """The paper's grid, evaluated on its sets."""
    return with_tasks(grid(size="base", updates=PAPER_UPDATES), **sets)


def whole_paper_grid() -> Json:
    """grid.json of config/paper.yaml: every experiment."""
    raw = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
    config = parse(raw, origin="paper.yaml")
    record = grid_record(expand(raw, languages(), origin="paper.yaml"), config, languages())
    whole: Json = json.loads(json.dumps(record))
    return whole


def paper_score(task: str, metric: str, variant: str, language: str) -> float:
    """What the paper prints for 60 languages, in the table without slips; 60 or 58 for others."""
    found = [
        one.value
        for one in published()
        if (one.task, one.metric) == (task, metric)
        and (one.variant, one.language) == (variant, language)
        and one.language != AVERAGE
    ]
    return found[-1] if found else 60.0 if variant == "xmod" else 58.0


def task_value(point: Json, task: str, metric: str, language: str, seed: int) -> float:
    """A score that is the paper's at 60 languages on average over five seeds."""
    variant, num_languages = point["axes"]["variant"], point["num_languages"]
    slope, cost = (0.01, 0.3) if variant == "xmod" else (-0.04, 1.0)
    updates = PAPER_UPDATES if point["axes"]["model.size"] == "base" else UPDATES
    wanted = updates.get(point["axes"]["language_set"], point["budget_updates"])
    missing = (wanted - point["budget_updates"]) / updates["13"]
    shift = slope * (num_languages - 60) - missing * cost
    return paper_score(task, metric, variant, language) + shift + (seed - 3) * 0.2


def task_scores(point: Json, *, seeds: Sequence[int] = SEEDS, chance: bool = False) -> Json:
    """A cell's scores on every set, each seed of fine-tuning 0.2 above the one before it."""
    records = []
    for task, metrics in METRICS.items():
        for iso in EVALUATION[task]:
            if iso not in (*point["languages"], *point["added"]):
                continue
            own = "pretrained" if iso in point["languages"] else "added"
            for group in ("source", own) if iso == "en" else (own,):
                place = {"stage": "evaluate", "task": task, "language": iso, "group": group}
                for metric, seed in itertools.product(metrics, seeds):
                    value = task_value(point, task, metric, iso, seed)
                    records.append(record(**place, metric=metric, seed=seed, value=value))
                    if chance:
                        value = 100 / 3 if task == "xnli" else 1.0
                        name = f"{metric}_chance"
                        records.append(record(**place, metric=name, seed=seed, value=value))
    return {"cell": point["cell"], "task": "all", "records": records}


def all_task_scores(grid_json: Json, **options: Any) -> list[Json]:
    """One file of task scores for each distinct cell."""
    points = {p["cell"]: p for p in grid_json["points"]}.values()
    return [task_scores(point, **options) for point in points]


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
    """`folder` with grid.json, and the metrics.csv and curves.csv that the pipeline makes of it."""
    path, paths = write(folder, grid_json, files)
    arguments = ["--grid", str(path), "--scores", *map(str, paths)]
    aggregate.main([*arguments, "--output", str(folder / "metrics.csv")])
    cells = {stage_cell(one["cell"], "pretrain", "") for one in files}
    histories = [write_history(folder, cell) for cell in sorted(cells)]
    arguments = ["--grid", str(path), "--histories", *map(str, histories)]
    gather_curves.main([*arguments, "--output", str(folder / "curves.csv")])
    return folder


def write_history(folder: Path, cell: str) -> Path:
    """A history.csv as pre-training writes it: a loss of 8 - update / 100."""
    path = folder / cell / "history.csv"
    path.parent.mkdir(exist_ok=True)
    lines = ["update,loss,gradient_norm,learning_rate,tokens,tokens_per_second"]
    lines += [f"{update},{8 - update / 100},1.5,0.001,960,500" for update in range(15, 315, 15)]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(folder: Path, spec: FigureSpec | None = None) -> tuple[pd.DataFrame, GridPoints]:
    """What `aggregated` wrote, and `spec` shows."""
    points = read_grid(folder / "grid.json")
    return read_metrics(folder / data_of(spec), points), points


def data_of(spec: FigureSpec | None) -> str:
    """The file that a figure shows."""
    return "curves.csv" if spec and spec.is_of_curves else "metrics.csv"


def figure(**changes: Any) -> FigureSpec:
    """figure_2a as shipped, with some keys changed."""
    raw = yaml.safe_load(FIGURES.read_text(encoding="utf-8"))["figures"]["figure_2a"]
    return FigureSpec.model_validate({**raw, **changes})
