"""The grid: experiments' axes become cells, each with a readable id that reads back.

A *point* is one combination of an experiment's axis values. Its *cell* is what is trained for
it: points that resolve to the same training share one cell (with 13 languages both budgets
coincide).

Pure: no file is read, nothing is random, and the order is that of the configuration.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xmod.budgets import SIZES_KEYS, budget_updates, language_sizes
from xmod.cells import (
    UPSTREAM,
    Cell,
    base_cell,
    checkpoint_updates,
    format_value,
    is_under,
    keys_of,
)
from xmod.config import Config, ExperimentConfig, parse
from xmod.config_errors import ConfigError, suggest
from xmod.config_section import AxisValue, Section
from xmod.language_sets import check_names, check_set, language_set
from xmod.languages import LanguageTable

IDENTITY_KEYS = ("variant", "model.size", "language_set", "budget")
"""The keys that make the first four parts of an id."""

SET_KEYS = (
    *("language_set", "vocabulary.language_set", "adapters.language_set"),
    "perplexity.language_set",
)
"""The keys that name a language set, and that an axis may vary."""

AXES = (
    *IDENTITY_KEYS,
    "seed",
    "checkpoint",
    "engine",
    "corpora.max_characters",
    "corpora.heldout_fraction",
    "corpora.salt",
    "vocabulary",
    "model",
    "pretrain",
    "adapters",
    "extend",
    "perplexity",
    "tasks",
)
"""The keys, or what stands under them, that an axis may vary; of tasks, those that decide the work
of some stage: how runs are chosen is one choice for all cells."""


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
    """Cell id -> the configuration with that cell's axis values put in; also of bases."""
    bases: Mapping[str, Cell]
    """Cell id -> the cell on top of whose model its modules are trained, where there is one."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The distinct cells, in the order of the points."""
        return tuple({point.cell.id: point.cell for point in self.points}.values())

    @property
    def trained(self) -> tuple[Cell, ...]:
        """The distinct cells and those that are only trained as a base of others."""
        return tuple({cell.id: cell for cell in (*self.cells, *self.bases.values())}.values())


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
    bases: dict[str, Cell] = {}
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
            if (base := base_cell(cell, resolved)) is not None:
                bases[cell.id] = base
                configs.setdefault(base.id, _base_config(base, resolved))
    return Grid(points=tuple(points), configs=configs, bases=bases)


def _base_config(base: Cell, config: Config) -> Config:
    return config.model_copy(update={"variant": base.variant, "budget": base.budget_updates})


def value_at(config: Config, key: str) -> AxisValue:
    """The value of a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = value[part] if isinstance(value, Mapping) else value.at(part)
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
    legal = [name for name in keys if is_under(name, AXES) and _decides_work(name)]
    if key in legal:
        return
    inside = [name for name in legal if is_under(name, [key])]
    if inside:
        raise ConfigError(f"{where}: axis {key} is a section; {suggest(key, inside)}")
    parent = key.rpartition(".")[0]
    beside = [name for name in legal if parent and is_under(name, [parent])]
    if beside and key not in keys:
        raise ConfigError(f"{where}: unknown axis {key}; {suggest(key, beside)}")
    last = [name for name in legal if name.endswith(f".{key}")]
    hint = f" Did you mean {last[0]!r}?" if last else ""
    choices = suggest(key, AXES, hidden=() if last else legal)
    raise ConfigError(f"{where}: {key} cannot be an axis; {choices}{hint}")


def _decides_work(key: str) -> bool:
    """Whether some stage depends on it; else its cells would differ in name alone."""
    task = key.partition(".")[2].partition(".")[0]  # where it is a key of tasks
    return key in IDENTITY_KEYS or any(is_under(key, keys_of(stage, task)) for stage in UPSTREAM)


def _keys(section: Section, prefix: str = "") -> Iterator[str]:
    """Every key that holds one value, with its sections before it."""
    for name in section.fields_by_key():
        value = section.at(name)
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
    try:
        _check_variant(resolved)
        changed = tuple(sorted(key for key in further if _matters(key, resolved, base)))
        for key in SET_KEYS:
            check_set(resolved, value_at(resolved, key), key)
        updates = budget_updates(
            resolved, table, pinned=not any(is_under(key, SIZES_KEYS) for key in changed)
        )
        language_sizes(resolved, table, language_set(resolved, table, resolved.language_set))
        for key in changed:
            format_value(value_at(resolved, key))
        _check_checkpoint(resolved, updates)
        _check_released(resolved)
        _check_base_share(resolved, updates)
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


def _matters(key: str, resolved: Config, base: Config) -> bool:
    """Whether the value of `key` is the cell's own: other than the file's, and of use to it."""
    has_adapters = resolved.variants[resolved.variant].base is not None
    used = has_adapters or not is_under(key, ["adapters"])
    return used and value_at(resolved, key) != value_at(base, key)


def _check_variant(config: Config) -> None:
    """Raise ConfigError for a variant that is not defined, or a base that cannot be one."""
    names = list(config.variants)
    if config.variant not in config.variants:
        raise ConfigError(
            f"variant: {config.variant!r} is not defined; {suggest(config.variant, names)}"
        )
    base = config.variants[config.variant].base
    without = [name for name in names if config.variants[name].modules == "none"]
    if base is not None and base not in without:
        raise ConfigError(
            f"variants.{config.variant}.base: {base!r} is no variant without modules; "
            f"{suggest(base, without)}"
        )


def _check_checkpoint(config: Config, updates: int) -> None:
    """Raise ConfigError for an intermediate checkpoint of a training that has none."""
    if config.checkpoint == 1.0:
        return
    if config.variants[config.variant].base is not None:
        raise ConfigError(
            f"checkpoint: variant {config.variant!r} trains on top of another; legal there: 1.0"
        )
    if not 0 < checkpoint_updates(config, updates) < updates:
        raise ConfigError(
            f"checkpoint: {config.checkpoint} of {updates} updates is no update in between; legal: "
            "1.0, or a share that is at least one update and not all"
        )


def _check_released(config: Config) -> None:
    """Raise ConfigError for a cell that no released checkpoint can be."""
    if config.pretrain.from_ == "scratch":
        return
    variant = config.variants[config.variant]
    if variant.modules != "language" or variant.base is not None:
        raise ConfigError(
            f"pretrain.from: 'released', but of variant {config.variant!r} no checkpoint was "
            "released; legal there: scratch; or leave the variant out of the experiments"
        )
    if config.checkpoint != 1.0:
        raise ConfigError(
            f"checkpoint: {config.checkpoint}, but of a released cell (pretrain.from) only the end "
            "is there; legal there: 1.0"
        )


def _check_base_share(config: Config, updates: int) -> None:
    """Raise ConfigError where a base or the modules on top of it would not be trained."""
    variant = config.variants[config.variant]
    base = round(updates * variant.base_share)
    if variant.base is not None and not 0 < base < updates:
        raise ConfigError(
            f"budget: of {updates} updates, variants.{config.variant}.base_share "
            f"({variant.base_share}) leaves {base} to the base and {updates - base} to the "
            "modules; legal: what leaves at least 1 to each"
        )


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
