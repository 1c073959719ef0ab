"""Which languages a set pre-trains and which are added to it afterwards."""

from __future__ import annotations

from xmod.config import Config, ExperimentConfig
from xmod.config_errors import ConfigError, suggest
from xmod.languages import BUILT_IN_SETS, LanguageTable


def set_names(config: Config) -> list[str]:
    """Every language set that may be named."""
    return [*BUILT_IN_SETS, *config.language_sets]


def language_set(config: Config, table: LanguageTable, name: str) -> tuple[str, ...]:
    """The languages that the set `name` pre-trains, in the order of the language table.

    A set is built in (a column of languages.tsv) or defined under `language_sets`.
    Raises ConfigError for an unknown set or language, an empty set or sets in a circle.
    """
    isos = _members(config, table, name, ())
    if not isos:
        raise ConfigError(f"language_sets.{name} has no language")
    return tuple(iso for iso in table.isos if iso in isos)


def module_languages(config: Config, table: LanguageTable, name: str) -> tuple[str, ...]:
    """The languages of the set `name` that a cell of `config` has a model for.

    All of them, unless its modules are trained afterwards, and for some only.
    """
    languages = language_set(config, table, name)
    only = config.adapters.language_set
    if config.variants[config.variant].base is None or only is None:
        return languages
    chosen = language_set(config, table, only)
    found = tuple(iso for iso in languages if iso in chosen)
    if not found:
        raise ConfigError(
            f"adapters.language_set: {only!r} has no language of the set {name!r}; legal: null, or "
            "a set that shares languages with it"
        )
    return found


def check_names(config: Config, table: LanguageTable) -> None:
    """Raise ConfigError, with its key, for a set or language that is named and not there.

    In every section: also where no cell takes the set, and nothing else would look at it.
    """
    check_set(config, config.vocabulary.language_set, "vocabulary.language_set")
    check_set(config, config.adapters.language_set, "adapters.language_set")
    check_set(config, config.perplexity.language_set, "perplexity.language_set")
    for name, own in config.language_sets.items():
        check_set(config, own.extends, f"language_sets.{name}.extends")
    for name in config.language_sets:
        language_set(config, table, name)
    for name, budget in config.budgets.items():
        check_set(config, budget.reference_set, f"budgets.{name}.reference_set")
        for pinned in budget.pinned:
            check_set(config, pinned, f"budgets.{name}.pinned")
    for name, experiment in config.experiments.items():
        if experiment.add_languages != "table":
            for iso in experiment.add_languages:
                _check_language(table, iso, f"experiments.{name}.add_languages")
    for name, task in config.tasks.items():
        _check_language(table, task.source, f"tasks.{name}.source")
        for one, data in task.sets.items():
            for iso in data.languages:
                _check_language(table, iso, f"tasks.{name}, set {one}: languages")


def check_set(config: Config, name: object, key: str) -> None:
    """Raise ConfigError unless `name`, which stands at `key`, is a language set or none is."""
    if name is not None and name not in set_names(config):
        raise ConfigError(f"{key}: {name!r} is not defined; {suggest(name, set_names(config))}")


def added_languages(
    config: Config, table: LanguageTable, name: str, experiment: ExperimentConfig
) -> tuple[str, ...]:
    """The languages that `experiment` adds to a model pre-trained on the set `name`."""
    if experiment.add_languages != "table":
        for iso in experiment.add_languages:
            _check_language(table, iso, "add_languages")
        pretrained = language_set(config, table, name)
        return tuple(
            iso for iso in table.isos if iso in experiment.add_languages and iso not in pretrained
        )
    root = name
    while root in config.language_sets:
        extends = config.language_sets[root].extends
        if extends is None:
            return ()
        root = extends
    pretrained = language_set(config, table, name)
    return tuple(iso for iso in table.added(root) if iso not in pretrained)


def _members(
    config: Config, table: LanguageTable, name: str, seen: tuple[str, ...]
) -> frozenset[str]:
    if name in seen:
        raise ConfigError(f"language_sets: {' extends '.join((*seen, name))}: a circle")
    custom = config.language_sets.get(name)
    if custom is None:
        check_set(config, name, "language_set")
        return frozenset(table.language_set(name))
    base = _members(config, table, custom.extends, (*seen, name)) if custom.extends else frozenset()
    for key in ("include", "exclude"):
        for iso in getattr(custom, key):
            _check_language(table, iso, f"language_sets.{name}.{key}")
    return (base | frozenset(custom.include)) - frozenset(custom.exclude)


def _check_language(table: LanguageTable, iso: str, where: str) -> None:
    if iso not in table:
        raise ConfigError(f"{where}: {table.unknown(iso)}")
