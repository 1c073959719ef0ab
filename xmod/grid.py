"""The grid: experiments' axes become cells, each with a readable id that reads back.

A *point* is one combination of an experiment's axis values. Its *cell* is what is trained for
it: points that resolve to the same training share one cell (with 13 languages both budgets
coincide). A cell's id is `variant.size.language_set.budget`, as the released checkpoints spell
it (`xmod.base.60.265k`); keys that differ from the configuration's own value are appended as
`+key=value`. A key at its own value is left out, so a new axis renames nothing.

Pure: no file is read, nothing is random, and the order is that of the configuration.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xmod.budgets import SIZES_KEYS, budget_updates, language_sizes
from xmod.config import Config, ExperimentConfig, parse
from xmod.config_errors import ConfigError, suggest
from xmod.config_section import AxisValue, Section
from xmod.language_sets import check_names, check_set, language_set
from xmod.languages import LanguageTable

IDENTITY_KEYS = ("variant", "model.size", "language_set", "budget")
"""The keys that make the first four parts of an id."""

SET_KEYS = ("language_set", "vocabulary.language_set", "perplexity.language_set")
"""The keys that name a language set, and that an axis may vary."""

_VOCABULARY = ("corpora", "vocabulary")
_ADDED_VOCABULARY = ("corpora", "extend.vocabulary")
_PRETRAIN = (*_VOCABULARY, "model", "pretrain", "seed")
_EXTEND = (*_PRETRAIN, "extend")
_TASK_DATA = tuple(f"tasks.{{task}}.{key}" for key in ("train", "development", "tests"))
_ENCODING = (
    *_TASK_DATA,
    *(f"tasks.{{task}}.{key}" for key in ("max_length", "stride", "max_question_tokens")),
)
_FINETUNE = (*_ENCODING, "tasks.{task}.finetune")

UPSTREAM = {
    "corpora": ("corpora",),
    "vocabulary": _VOCABULARY,
    "added_vocabulary": _ADDED_VOCABULARY,
    "pretrain": _PRETRAIN,
    "extend": _EXTEND,
    "perplexity": (*_EXTEND, "perplexity"),
    "tasks": _TASK_DATA,
    "features": (*_VOCABULARY, *_ENCODING),
    "added_features": (*_ADDED_VOCABULARY, *_ENCODING),
    "finetune": (*_PRETRAIN, *_FINETUNE),
    "finetune_added": (*_EXTEND, *_FINETUNE),  # where the source language was added
    "evaluate": (*_EXTEND, *_FINETUNE, "tasks.{task}.max_answer_tokens"),
}
"""Stage -> the config keys it depends on: an axis over another key shares the stage's work.

`{task}` stands for the task's name.
"""

AXES = (
    *IDENTITY_KEYS,
    "seed",
    "corpora.max_characters",
    "corpora.heldout_fraction",
    "corpora.salt",
    "vocabulary",
    "model",
    "pretrain",
    "extend",
    "perplexity",
    "tasks",
)
"""The keys, or what stands under them, that an axis may vary; of tasks, those that decide the work
of some stage: how runs are chosen is one choice for all cells."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fully resolved pre-training point.

    `overrides` are the further axes, as (key, value) pairs in the order of their keys.
    """

    variant: str
    size: str
    language_set: str
    budget_updates: int
    overrides: tuple[tuple[str, AxisValue], ...] = ()

    @property
    def id(self) -> str:
        parts = (self.variant, self.size, self.language_set, format_updates(self.budget_updates))
        return ".".join(parts) + "".join(f"+{k}={format_value(v)}" for k, v in self.overrides)

    def at(self, stage: str, task: str = "") -> Cell:
        """This cell as `stage` sees it: without overrides of what `stage` does not depend on.

        A stage of tasks sees those of `task` only.
        """
        return Cell(
            variant=self.variant,
            size=self.size,
            language_set=self.language_set,
            budget_updates=self.budget_updates,
            overrides=self._overrides_of(stage, task),
        )

    def scope(self, stage: str, task: str = "") -> str:
        """The name of the data that `stage` makes for this cell: `default`, or its overrides."""
        pairs = (f"{k}={format_value(v)}" for k, v in self._overrides_of(stage, task))
        return "+".join(pairs) or "default"

    def _overrides_of(self, stage: str, task: str) -> tuple[tuple[str, AxisValue], ...]:
        keys = _keys_of(stage, task)
        return tuple((k, v) for k, v in self.overrides if _is_under(k, keys))

    @classmethod
    def from_id(cls, cell_id: str) -> Cell:
        """Read an id back; raises ValueError where it is none."""
        head, *tail = cell_id.split("+")
        parts = head.split(".")
        pairs = [item.partition("=") for item in tail]
        if len(parts) != 4 or not all(separator for _, separator, _ in pairs):
            raise ValueError(
                f"{cell_id!r} is no cell id: variant.size.language_set.budget[+key=value ...]"
            )
        return cls(
            variant=parts[0],
            size=parts[1],
            language_set=parts[2],
            budget_updates=parse_updates(parts[3]),
            overrides=tuple((key, parse_value(value)) for key, _, value in pairs),
        )


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of an experiment: where it lies on the axes, and the cell that answers it."""

    experiment: str
    axes: tuple[tuple[str, AxisValue], ...]
    """Every axis of the whole configuration and this point's value on it."""
    cell: Cell


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All points of a configuration, and each cell's resolved configuration."""

    points: tuple[Point, ...]
    configs: Mapping[str, Config]
    """Cell id -> the configuration with that cell's axis values put in."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The distinct cells, in the order of the points."""
        return tuple({point.cell.id: point.cell for point in self.points}.values())


def format_updates(updates: int) -> str:
    """125000 -> '125k', 1219 -> '1219'."""
    return f"{updates // 1000}k" if updates and updates % 1000 == 0 else str(updates)


def parse_updates(text: str) -> int:
    """'125k' -> 125000, '1219' -> 1219."""
    if not re.fullmatch(r"0|[1-9][0-9]*k?", text):
        raise ValueError(f"{text!r} is no number of updates such as 1219 or 125k")
    return int(text[:-1]) * 1000 if text.endswith("k") else int(text)


def format_value(value: AxisValue) -> str:
    """A value as an id spells it: JSON, but for a text, which needs no quotes.

    A text that would read back as another value, such as the language set 13, has an `@` before
    it: quotes would have to be quoted wherever a path is typed. Raises ConfigError for a text
    that a file name should not hold.
    """
    if not isinstance(value, str):
        return json.dumps(value).replace("e+", "e")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise ConfigError(
            f"axis value {value!r} cannot stand in a cell's id; legal: a number, true, false, "
            "null, or a word of letters, digits, '_' and '-'"
        )
    return value if parse_value(value) == value else f"@{value}"


def parse_value(text: str) -> AxisValue:
    """Read `format_value`'s text back."""
    if text.startswith("@"):
        return text[1:]
    try:
        value: AxisValue = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value


def expand(raw: Mapping[str, Any], table: LanguageTable, *, origin: str) -> Grid:
    """Expand every experiment of a raw configuration.

    Raises ConfigError where an axis is unknown or a value impossible, where a language set has
    no text or an unknown language, and where an experiment names a point twice.
    """
    config = parse(raw, origin=origin)
    try:
        check_names(config, table)
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from error
    all_axes = _all_axes(config, origin=origin)
    points: list[Point] = []
    configs: dict[str, Config] = {}
    for name, experiment in config.experiments.items():
        seen: set[tuple[tuple[str, AxisValue], ...]] = set()
        for values in _combinations(experiment):
            where = f"{origin}: experiments.{name}"
            cell, resolved = _resolve(raw, values, table, where=where)
            axes = tuple((axis, value_at(resolved, axis)) for axis in all_axes)
            if axes in seen:
                raise ConfigError(f"{where}: cell {cell.id} is named twice, by {dict(axes)}")
            seen.add(axes)
            configs[cell.id] = resolved
            points.append(Point(experiment=name, axes=axes, cell=cell))
    return Grid(points=tuple(points), configs=configs)


def value_at(config: Config, key: str) -> AxisValue:
    """The value of a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = value[part] if isinstance(value, Mapping) else getattr(value, part)
    return value  # type: ignore[no-any-return]


def _combinations(experiment: ExperimentConfig) -> Iterator[dict[str, AxisValue]]:
    """The product of the axes, then the further cells."""
    if experiment.axes:
        for values in itertools.product(*experiment.axes.values()):
            yield dict(zip(experiment.axes, values, strict=True))
    yield from experiment.cells


def _all_axes(config: Config, *, origin: str) -> tuple[str, ...]:
    """Every key that some experiment varies; the four of the id come first."""
    axes = dict.fromkeys(IDENTITY_KEYS)
    for name, experiment in config.experiments.items():
        for key in itertools.chain(experiment.axes, *experiment.cells):
            _check_axis(config, key, where=f"{origin}: experiments.{name}")
            axes[key] = None
    return tuple(axes)


def _check_axis(config: Config, key: str, *, where: str) -> None:
    """Raise ConfigError unless `key` names one value of the configuration that cells depend on."""
    keys = list(_keys(config))
    legal = [name for name in keys if _is_under(name, AXES) and _decides_work(name)]
    if key in legal:
        return
    inside = [name for name in legal if _is_under(name, [key])]
    if inside:
        raise ConfigError(f"{where}: axis {key} is a section; {suggest(key, inside)}")
    parent = key.rpartition(".")[0]
    beside = [name for name in legal if parent and _is_under(name, [parent])]
    if beside and key not in keys:
        raise ConfigError(f"{where}: unknown axis {key}; {suggest(key, beside)}")
    last = [name for name in legal if name.endswith(f".{key}")]
    hint = f" Did you mean {last[0]!r}?" if last else ""
    choices = suggest(key, AXES, hidden=() if last else legal)
    raise ConfigError(f"{where}: {key} cannot be an axis; {choices}{hint}")


def _decides_work(key: str) -> bool:
    """Whether some stage depends on it; else its cells would differ in name alone."""
    task = key.partition(".")[2].partition(".")[0]  # where it is a key of tasks
    return key in IDENTITY_KEYS or any(_is_under(key, _keys_of(stage, task)) for stage in UPSTREAM)


def _keys_of(stage: str, task: str) -> list[str]:
    """The keys that a stage depends on; of tasks, those of `task` only."""
    return [key.replace("{task}", task) for key in UPSTREAM[stage]]


def _keys(section: Section, prefix: str = "") -> Iterator[str]:
    """Every key that holds one value, with its sections before it."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _keys(value, f"{prefix}{name}.")
        elif isinstance(value, Mapping) and any(isinstance(v, Section) for v in value.values()):
            for key, part in value.items():
                yield from _keys(part, f"{prefix}{name}.{key}.")
        else:
            yield f"{prefix}{name}"


def _resolve(
    raw: Mapping[str, Any], values: Mapping[str, AxisValue], table: LanguageTable, *, where: str
) -> tuple[Cell, Config]:
    """The cell at `values`, and the configuration with them put in."""
    identity = {key: value for key, value in values.items() if key in IDENTITY_KEYS}
    further = {key: value for key, value in values.items() if key not in IDENTITY_KEYS}
    base = parse(_put(raw, identity), origin=where)
    resolved = parse(_put(raw, values), origin=where)
    changed = tuple(
        sorted(key for key in further if value_at(resolved, key) != value_at(base, key))
    )
    if resolved.variant not in resolved.variants:
        choices = suggest(resolved.variant, list(resolved.variants))
        raise ConfigError(f"{where}: variant: {resolved.variant!r} is not defined; {choices}")
    try:
        for key in SET_KEYS:
            check_set(resolved, value_at(resolved, key), key)
        updates = budget_updates(
            resolved, table, pinned=not any(_is_under(key, SIZES_KEYS) for key in changed)
        )
        language_sizes(resolved, table, language_set(resolved, table, resolved.language_set))
        for key in changed:
            format_value(value_at(resolved, key))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    cell = Cell(
        variant=resolved.variant,
        size=resolved.model.size,
        language_set=resolved.language_set,
        budget_updates=updates,
        overrides=tuple((key, value_at(resolved, key)) for key in changed),
    )
    return cell, resolved


def _put(raw: Mapping[str, Any], values: Mapping[str, AxisValue]) -> dict[str, Any]:
    """A copy of `raw` with the value at each dotted key replaced."""
    copy: dict[str, Any] = json.loads(json.dumps(raw))
    for key, value in values.items():
        *parents, last = key.split(".")
        place = copy
        for part in parents:
            place = place.setdefault(part, {})
        place[last] = value
    return copy


def _is_under(key: str, prefixes: Iterable[str]) -> bool:
    return any(key == prefix or key.startswith(prefix + ".") for prefix in prefixes)
