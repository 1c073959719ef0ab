"""Small grids of the paper's five experiments with scores set by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tests.unit.analysis import synthetic
from xmod.analysis.claims.judge import Finding, judge
from xmod.analysis.claims.spec import Declared, read_claims
from xmod.analysis.records import GridPoints
from xmod.analysis.tables.languages import EVALUATION

CLAIMS = synthetic.ROOT / "config" / "claims.yaml"
TASKS = {"xnli": "accuracy", "ner": "f1", "xquad": "f1", "mlqa": "f1"}
SWAPPED = ("en", "fr", "ru", "hi", "ar", "vi", "th", "ko")

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One score that a scene sets."""

    point: Json
    task: str
    """`mlm` for a negative log-likelihood."""
    language: str
    seed: int

    def axis(self, name: str) -> Any:
        return self.point["axes"][name]

    @property
    def is_xmod(self) -> bool:
        return bool(self.axis("variant") == "xmod")

    @property
    def is_added(self) -> bool:
        return self.language in self.point["added"]

    @property
    def num_languages(self) -> int:
        return int(self.point["num_languages"])


Score = Callable[[Asked], float]


def point(experiment: str, **axes: Any) -> Json:
    """A point; axes not given are those of a plain cell."""
    axes = {"variant": "xmod", "language_set": "60", "budget": "equal_steps"} | axes
    axes |= {"checkpoint": axes.get("checkpoint", 1.0)}
    table, name = synthetic.languages(), axes["language_set"]
    updates = {"equal_steps": 100, "double": 200}.get(axes["budget"], 100 + len(name))
    return {
        "experiment": experiment,
        "cell": ".".join(map(str, axes.values())),
        "axes": axes,
        "budget_updates": updates,
        "num_languages": len(table.language_set(name)),
        "languages": list(table.language_set(name)),
        "added": list(table.added(name)),
    }


def points(experiment: str, **axes: Sequence[Any]) -> list[Json]:
    """The product of the axes."""
    return [
        point(experiment, **dict(zip(axes, values, strict=True)))
        for values in itertools.product(*axes.values())
    ]


def everything() -> list[Json]:
    """All points of all five experiments."""
    both, sets = ("shared", "xmod"), ("13", "30", "60", "75")
    return [
        *points("main", variant=both, language_set=sets, budget=("equal_steps", "equal_examples")),
        *points("swap", variant=both, language_set=("60", "60-swapped")),
        *points("longer", variant=both, language_set=("13",), budget=("equal_steps", "double")),
        *points("adapters", variant=("shared_nm", "adapters", *both), language_set=sets),
        *points("checkpoints", variant=both, checkpoint=(0.25, 0.5, 1.0)),
    ]


def grid(found: Iterable[Json], *, seeds: int = 2, made: Sequence[str] = ()) -> GridPoints:
    """The points, all evaluated on every task."""
    found = list(found)
    experiments = dict.fromkeys(one["experiment"] for one in found)
    sets = [
        {"experiment": experiment, "stage": "evaluate", "task": task, "seeds": seeds,
         "synthetic": task in made}
        for experiment, task in itertools.product(experiments, TASKS)
    ]  # fmt: skip
    return GridPoints.model_validate(
        {"axes": list(found[0]["axes"]), "points": found, "sets": sets}
    )


def frame(
    found: Iterable[Json],
    score: Score,
    *,
    seeds: int = 2,
    context: float = 1.0,
    chance: float = 1.0,
) -> pd.DataFrame:
    """metrics.csv of the points; every task in the languages that the paper evaluates there."""
    rows = []
    for one in found:
        place = {"experiment": one["experiment"], "cell": one["cell"]}
        evaluated = {
            **{task: EVALUATION[task] for task in TASKS},
            "mlm": ["en", "fr", "de"],
        }
        for task, isos in evaluated.items():
            stage, metric = ("perplexity", "nll") if task == "mlm" else ("evaluate", TASKS[task])
            for iso, seed in itertools.product(isos, range(1, 1 + (seeds if task != "mlm" else 1))):
                if iso not in (*one["languages"], *one["added"]):
                    continue
                value = score(Asked(one, task, iso, seed))
                other = value + context if task == "mlm" else chance
                name = "shuffled_nll" if task == "mlm" else f"{metric}_chance"
                own = "pretrained" if iso in one["languages"] else "added"
                rows += [
                    {**place, "stage": stage, "task": task, "language": iso, "seed": seed,
                     "group": group, "metric": key, "value": number}
                    for group in (("source", own) if iso == "en" and task != "mlm" else (own,))
                    for key, number in ((metric, value), (name, other))
                ]  # fmt: skip
    return pd.DataFrame(rows)


def declared() -> Declared:
    """The claims as shipped."""
    return read_claims(CLAIMS, synthetic.languages())


def only(name: str, measure: str, **changes: Any) -> Declared:
    """One claim on one measure, with some keys of its test changed."""
    whole = declared()
    claim = whole.claims[name]
    raw = claim.model_dump(exclude_none=True) | {"measures": [measure]}
    raw["test"] |= changes
    claims = {name: raw}
    return Declared.model_validate(whole.model_dump() | {"claims": claims})


def judged(
    name: str, measure: str, score: Score, *, among: Iterable[Json] | None = None, **options: Any
) -> Finding:
    """The finding of one shipped claim on one measure, with these scores everywhere."""
    made = options.pop("made", ())
    one = only(name, measure, **options.pop("test", {}))
    experiment = one.claims[name].experiment
    whole = everything() if among is None else among
    found = [point for point in whole if point["experiment"] == experiment]
    (finding,) = judge(
        one,
        frame(found, score, **options),
        grid(found, seeds=options.get("seeds", 2), made=made),
        synthetic.languages(),
    )
    return finding
