"""From rows of metrics.csv to the arrays that are compared, if all of them are there.

Shapes as in statistics.py: M models, L languages, P seeds of pre-training, S seeds of fine-tuning.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from xmod.analysis.claims.plan import SEED_AXIS, NotRun, Part, Place, Term
from xmod.analysis.claims.spec import Measure, Requirement, Side
from xmod.analysis.claims.statistics import Array, deviations
from xmod.analysis.names import listed
from xmod.analysis.records import GridPoint, GridPoints, Group, axis_text
from xmod.evaluated import TASK_STAGES
from xmod.languages import LanguageTable

Values = Mapping[tuple[str, str, int], float]
"""(cell, language, seed) -> score."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What one estimate is made of."""

    languages: tuple[tuple[str, ...], ...]
    """Of each sample of languages: one where the sides are paired, else one a side."""
    terms: tuple[tuple[Array, ...], ...]
    """Of each sample, what each model adds to each term, weight and all: MLPS."""
    runs: tuple[int, int]
    """P and S."""

    @property
    def num_models(self) -> int:
        return len(self.terms[0][0])

    def combined(self) -> tuple[Array, ...]:
        """Each sample's sum of terms, MLPS."""
        return tuple(np.asarray(np.sum(sample, axis=0)) for sample in self.terms)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One measure of some cells of an experiment."""

    frame: pd.DataFrame
    """metrics.csv."""
    grid: GridPoints
    table: LanguageTable
    experiment: str
    measure: Measure
    cells: frozenset[str]

    @cached_property
    def _rows(self) -> pd.DataFrame:
        rows, measure = self.frame, self.measure
        rows = rows[(rows["experiment"] == self.experiment) & rows["cell"].isin(self.cells)]
        return rows[(rows["stage"] == measure.stage) & (rows["task"] == measure.task)]

    @cached_property
    def _values(self) -> dict[tuple[str, Group], Values]:
        """(metric, group) -> the scores."""
        found: dict[tuple[str, Group], dict[tuple[str, str, int], float]] = {}
        columns = [self._rows[name] for name in ("metric", "group", "cell", "language", "seed")]
        for metric, group, cell, language, seed, value in zip(
            *columns, self._rows["value"], strict=True
        ):
            found.setdefault((metric, group), {})[cell, language, int(seed)] = float(value)
        return dict(found)

    def values(self, group: Group | None, metric: str = "") -> Values:
        """The scores of `group`, of the measure's own metric or another."""
        assert group is not None, "a declared side has a group"
        return self._values.get((metric or self.measure.metric, group), {})

    @cached_property
    def num_seeds_due(self) -> int:
        """Seeds of fine-tuning that a cell has; raises NotRun where it is not evaluated."""
        if self.measure.stage not in TASK_STAGES:
            return 1
        due = self.grid.seeds(experiment=self.experiment, stage=self.measure.stage)
        if self.measure.task not in due:
            raise NotRun(f"experiment {self.experiment!r} is not evaluated on {self.measure.task}")
        return due[self.measure.task]

    def languages(self, point: GridPoint, side: Side) -> tuple[str, ...]:
        """The languages that a side has of a point, of those that any cell has scores in."""
        group = side.group
        assert group is not None, "a declared side has a group"
        measured = {language for _, language, _ in self.values(group)}
        wanted = measured & set(point.languages_of(group))
        if side.languages is not None:
            wanted &= set(side.languages.isos(self.table))
        if side.family is not None:
            has_relatives = side.family == "related"
            wanted = {iso for iso in wanted if self._has_relatives(iso, point) == has_relatives}
        return tuple(iso for iso in self.table.isos if iso in wanted)

    def _has_relatives(self, iso: str, point: GridPoint) -> bool:
        family = self.table[iso].family
        return any(self.table[one].family == family for one in point.languages if one != iso)

    def refuse_missing(self, parts: Iterable[Part]) -> None:
        """Raise NotRun, with how many there are, where a run of some cell is missing."""
        terms = [term for part in parts for term in part.terms]
        seeds = self._seeds(point for term in terms for point in term.points)
        due: dict[str, int] = {}
        there: dict[str, int] = {}
        for term in terms:
            values = self.values(term.side.group)
            begun = {(cell, seed) for cell, _, seed in values}
            for point in term.points:
                isos = self.languages(point, term.side)
                found = seeds[_pretraining_seed(point)]
                due[point.cell] = max(self.num_seeds_due, len(found))
                complete = sum(
                    (point.cell, seed) in begun
                    and all((point.cell, iso, seed) in values for iso in isos)
                    for seed in found
                )
                there[point.cell] = min(there.get(point.cell, complete), complete)
        lacking = [cell for cell in due if there[cell] < due[cell]]
        if lacking:
            shown = (
                lacking if len(lacking) < 5 else [*lacking[:3], f"{len(lacking) - 3} further cells"]
            )
            raise NotRun(
                f"{sum(there.values())} of {sum(due.values())} runs are there; missing of "
                f"{listed(shown)}"
            )

    def compare(self, part: Part, *, as_deviations: bool, must_pair: bool) -> Compared:
        """The arrays of `part`, all of whose runs are there.

        Languages are paired: those that both sides have. Sides without any in common are two
        samples, unless they must be paired. Raises NotRun where there is nothing to compare.
        """
        seeds = self._seeds(point for term in part.terms for point in term.points)
        if len({len(found) for found in seeds.values()}) > 1:
            raise NotRun("some seeds of pre-training have more seeds of fine-tuning than others")
        sides = [side for side in (part.of, part.against) if side]
        common = [self._common(side) for side in sides]
        both = tuple(iso for iso in common[0] if all(iso in isos for isos in common[1:]))
        if both or must_pair:
            samples = [(both, part.terms)]
        else:
            samples = list(zip(common, sides, strict=True))
        for isos, terms in samples:
            if not isos:
                groups = dict.fromkeys(str(term.side.group) for term in terms)
                raise NotRun(f"no language of {listed(list(groups))} is in all of its cells")
        models = list(dict.fromkeys(_model(p) for term in part.terms for p in term.points))
        return Compared(
            languages=tuple(isos for isos, _ in samples),
            terms=tuple(
                tuple(
                    self._array(term, isos, seeds, models, as_deviations=as_deviations)
                    for term in terms
                )
                for isos, terms in samples
            ),
            runs=(len(seeds), len(next(iter(seeds.values())))),
        )

    def failing(self, part: Part, compared: Compared, required: Requirement) -> dict[str, float]:
        """Cell -> by how much its worst seed exceeds what is required, where that is too little."""
        metric, above = required.compared(self.measure.metric)
        isos = {iso for sample in compared.languages for iso in sample}
        found: dict[str, float] = {}
        for term in part.terms:
            own, other = (self.values(term.side.group, name) for name in (metric, above))
            for point in term.points:
                measured = self.values(term.side.group)
                keys = [key for key in measured if key[0] == point.cell and key[1] in isos]
                for name, values in ((metric, own), (above, other)):
                    if any(key not in values for key in keys):
                        raise NotRun(f"{name} of {point.cell} was not measured")
                by_seed: dict[int, list[float]] = {}
                for key in keys:
                    by_seed.setdefault(key[2], []).append(own[key] - other[key])
                least = min((float(np.mean(one)) for one in by_seed.values()), default=math.inf)
                if least <= required.by:
                    found[point.cell] = least
        return found

    def _common(self, terms: Sequence[Term]) -> tuple[str, ...]:
        """The languages that all of `terms` have."""
        had = [
            {iso for point in term.points for iso in self.languages(point, term.side)}
            for term in terms
        ]
        return tuple(iso for iso in self.table.isos if all(iso in isos for isos in had))

    def _seeds(self, points: Iterable[GridPoint]) -> dict[str, tuple[int, ...]]:
        """Seed of pre-training -> the seeds that any of its cells has records of."""
        cells: dict[str, set[str]] = {}
        for point in points:
            cells.setdefault(_pretraining_seed(point), set()).add(point.cell)
        own = self._rows[self._rows["metric"] == self.measure.metric]
        return {
            seed: tuple(sorted({int(one) for one in own[own["cell"].isin(names)]["seed"]}))
            for seed, names in cells.items()
        }

    def _array(
        self,
        term: Term,
        isos: Sequence[str],
        seeds: Mapping[str, tuple[int, ...]],
        models: Sequence[Place],
        *,
        as_deviations: bool,
    ) -> Array:
        """MLPS: its weighted mean over the models that have a language, as what each adds to it."""
        values = self.values(term.side.group)
        cells: dict[Place, dict[str, GridPoint]] = {}
        for point in term.points:
            cells.setdefault(_model(point), {})[_pretraining_seed(point)] = point
        num_tuned = len(next(iter(seeds.values())))
        added_MLPS = np.zeros((len(models), len(isos), len(seeds), num_tuned))
        num_models_L = np.zeros(len(isos), dtype=int)
        for model, runs in cells.items():
            if runs.keys() != seeds.keys():
                raise NotRun(f"{term.cells[0]} is not pre-trained with the seeds of the others")
            isos_here = self.languages(next(iter(runs.values())), term.side)
            for place, iso in enumerate(isos):
                if iso in isos_here:
                    scores = [[values[runs[p].cell, iso, s] for s in seeds[p]] for p in seeds]
                    scores_PS = np.asarray(scores, dtype=float)
                    added_MLPS[models.index(model), place] = (
                        deviations(scores_PS) if as_deviations else scores_PS
                    )
                    num_models_L[place] += 1
        if len(set(num_models_L)) > 1:
            raise NotRun(f"the cells of {', '.join(term.cells)} have different languages")
        result: Array = term.weight * added_MLPS / num_models_L[0]
        return result


def _model(point: GridPoint) -> Place:
    """What seeds of pre-training are runs of."""
    return tuple((a, axis_text(value)) for a, value in point.axes.items() if a != SEED_AXIS)


def _pretraining_seed(point: GridPoint) -> str:
    return axis_text(point.axes.get(SEED_AXIS))
