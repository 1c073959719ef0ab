"""Which cells of the grid a claim's test compares. Reads the grid only, no scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from xmod.analysis.claims.spec import Claim, Correlation, Difference, Side, Test, Trend
from xmod.analysis.claims.statistics import slope_weights
from xmod.analysis.names import is_number
from xmod.analysis.records import GridPoint, GridPoints, axis_text
from xmod.config_errors import suggest

SEED_AXIS = "seed"
"""Pre-training's: its cells are runs of the same thing, never compared."""

Place = tuple[tuple[str, str], ...]
"""Axes and their values there."""


class NotRun(Exception):
    """What a claim is about is not there; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """The mean score of some cells, and the weight it has in what is estimated."""

    weight: float
    side: Side
    points: tuple[GridPoint, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.cell for point in self.points))


@dataclass(frozen=True, kw_only=True)
class Part:
    """One estimate: the terms of both sides."""

    at: Place
    """Where on the axes of `each`; empty without."""
    of: tuple[Term, ...]
    against: tuple[Term, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        return (*self.of, *self.against)

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        return tuple(term.cells for term in self.terms)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A claim at one place on the axes that it says nothing about: a question of its own."""

    setting: Place
    parts: tuple[Part, ...]

    @property
    def cells(self) -> frozenset[str]:
        """Every cell that is compared."""
        return frozenset(cell for part in self.parts for cells in part.cells for cell in cells)


def plan(claim: Claim, grid: GridPoints) -> tuple[Plan, ...]:
    """Everything to estimate, in the grid's order; raises NotRun where cells are not in it."""
    points = _of_experiment(claim.experiment, grid)
    test = claim.test
    named = _complete_sides(test)
    for axis in dict.fromkeys((*test.open_axes, *(axis for one in named for axis in one.where))):
        if axis not in grid.axes:
            raise NotRun(f"the grid has no axis {axis!r}; {suggest(axis, grid.axes)}")
    matched = [_matching(side, points, claim.experiment) for side in named]
    known = {SEED_AXIS, *test.open_axes, *(axis for one in named for axis in one.where)}
    further = [axis for axis in grid.axes if axis not in known and _varies(axis, matched)]
    settings = dict.fromkeys(_place(point, further) for point in _flat(matched))
    complete = [
        setting for setting in settings if all(_at(one, setting, further) for one in matched)
    ]
    return tuple(
        Plan(
            setting=setting,
            parts=_parts(test, _at(points, setting, further), experiment=claim.experiment),
        )
        for setting in complete or settings
    )


def position(point: GridPoint, axis: str) -> float:
    """Where a point lies along an axis; raises NotRun where its value is no number."""
    counted = {"language_set": point.num_languages, "budget": point.budget_updates}
    if axis in counted:
        return counted[axis]
    value = axis_text(point.axes[axis])
    if not is_number(value):
        raise NotRun(f"{axis} has the value {value!r}, and no trend goes along what is no number")
    return float(value)


def _of_experiment(name: str, grid: GridPoints) -> tuple[GridPoint, ...]:
    points = tuple(point for point in grid.points if point.experiment == name)
    if not points:
        raise NotRun(f"the configuration has no experiment {name!r}")
    return points


def _complete_sides(test: Test) -> tuple[Side, ...]:
    return tuple(part for side in test.sides.values() for part in side.parts(test.among))


def _matching(side: Side, points: Iterable[GridPoint], experiment: str) -> tuple[GridPoint, ...]:
    """The points that a side takes; raises NotRun for a value that none of them has."""
    here = tuple(points)
    for axis, values in side.where.items():
        legal = list(dict.fromkeys(axis_text(point.axes[axis]) for point in here))
        for value in map(axis_text, values):
            if value not in legal:
                raise NotRun(
                    f"experiment {experiment!r} has no {axis} {value!r} there; "
                    f"it has {', '.join(legal)}"
                )
        wanted = {axis_text(value) for value in values}
        here = tuple(point for point in here if axis_text(point.axes[axis]) in wanted)
    return here


def _varies(axis: str, matched: Iterable[Iterable[GridPoint]]) -> bool:
    return len({axis_text(point.axes[axis]) for point in _flat(matched)}) > 1


def _flat(matched: Iterable[Iterable[GridPoint]]) -> Iterable[GridPoint]:
    return (point for points in matched for point in points)


def _place(point: GridPoint, axes: Iterable[str]) -> Place:
    return tuple((axis, axis_text(point.axes[axis])) for axis in axes)


def _at(points: Iterable[GridPoint], place: Place, axes: Sequence[str]) -> tuple[GridPoint, ...]:
    return tuple(point for point in points if _place(point, axes) == place)


def _parts(test: Test, points: Sequence[GridPoint], *, experiment: str) -> tuple[Part, ...]:
    """The estimates of a test among `points`."""
    taken = {
        key: [
            (1.0 if place == 0 else -1.0, side, _matching(side, points, experiment))
            for place, side in enumerate(declared.parts(test.among))
        ]
        for key, declared in test.sides.items()
    }
    if isinstance(test, Trend | Correlation):
        return (_along(test, taken),)
    each = test.each if isinstance(test, Difference) else ()
    if not each:
        return (_part((), taken),)
    found: dict[tuple[tuple[str, ...], ...], Part] = {}
    for place in _places(taken, each):
        part = _part(place, {key: _restricted(terms, place) for key, terms in taken.items()})
        # A cell is not compared with itself, nor one comparison made twice where budgets meet.
        if {term.cells for term in part.of} != {term.cells for term in part.against}:
            found.setdefault(part.cells, part)
    return tuple(found.values())


Taken = Mapping[str, Sequence[tuple[float, Side, tuple[GridPoint, ...]]]]
"""Side -> its signed parts and their points."""


def _part(place: Place, taken: Taken) -> Part:
    terms = {
        key: tuple(
            Term(weight=sign * (1.0 if key == "of" else -1.0), side=side, points=points)
            for sign, side, points in signed
        )
        for key, signed in taken.items()
    }
    for one in (term for side in terms.values() for term in side):
        if not one.points:
            raise NotRun(f"no cell at {_in_words(place)}")
    return Part(at=place, of=terms["of"], against=terms.get("against", ()))


def _places(taken: Taken, each: Sequence[str]) -> list[Place]:
    """Every combination of values of the axes, as the sides that leave them open have it."""
    values: dict[str, dict[str, None]] = {axis: {} for axis in each}
    for _, side, points in (one for signed in taken.values() for one in signed):
        for axis in each:
            if not _is_fixed(side, axis):
                values[axis].update(dict.fromkeys(axis_text(point.axes[axis]) for point in points))
    return [
        tuple(zip(each, combination, strict=True))
        for combination in product(*(values[axis] for axis in each))
    ]


def _restricted(
    signed: Sequence[tuple[float, Side, tuple[GridPoint, ...]]], place: Place
) -> list[tuple[float, Side, tuple[GridPoint, ...]]]:
    """The parts of a side at one place, but for the axes that it names one value of."""
    found = []
    for sign, side, points in signed:
        wanted = [(axis, value) for axis, value in place if not _is_fixed(side, axis)]
        here = tuple(
            point
            for point in points
            if all(axis_text(point.axes[axis]) == value for axis, value in wanted)
        )
        found.append((sign, side, here))
    return found


def _is_fixed(side: Side, axis: str) -> bool:
    return len(side.where.get(axis, ())) == 1


def _along(test: Trend | Correlation, taken: Taken) -> Part:
    """One term a position, on each side; with the weights of a slope where it is a trend."""
    sides = {}
    for key, signed in taken.items():
        terms: list[Term] = []
        for sign, side, points in signed:
            by_position: dict[float, list[GridPoint]] = {}
            for point in points:
                by_position.setdefault(position(point, test.along), []).append(point)
            if len(by_position) < 2:
                raise NotRun(f"{test.along} has one value, and nothing goes along it")
            where = sorted(by_position)
            weights = slope_weights(where) if isinstance(test, Trend) else [1.0] * len(where)
            total = sign * (-1.0 if key == "against" and isinstance(test, Trend) else 1.0)
            terms += [
                Term(weight=total * weight, side=side, points=tuple(by_position[one]))
                for one, weight in zip(where, weights, strict=True)
            ]
        sides[key] = (where, tuple(terms))
    if "against" in sides and sides["of"][0] != sides["against"][0]:
        raise NotRun(f"the sides lie at different values of {test.along}")
    return Part(at=(), of=sides["of"][1], against=sides.get("against", ([], ()))[1])


def _in_words(place: Place) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in place)
