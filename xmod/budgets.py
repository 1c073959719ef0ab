"""How many updates a cell gets, and how much text each language counts for (section 4.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from xmod.config import BudgetConfig, Config
from xmod.config_errors import ConfigError, suggest
from xmod.config_sources import CorporaConfig
from xmod.language_sets import language_set
from xmod.languages import Language, LanguageTable
from xmod.paths import text_file
from xmod.text_counts import training_characters

SIZES_KEYS = ("corpora", "pretrain.sampling_alpha")
"""The keys that a derived budget is computed from, beside the budget's own."""


class NoText(ConfigError):
    """The corpus has no text of a language."""


def language_sizes(
    config: Config, table: LanguageTable, languages: Sequence[str]
) -> dict[str, float]:
    """n_l of each language: the text it has, in the unit of `corpora.sizes`.

    Characters count up to `corpora.max_characters`. Raises NoText for a language that the
    corpus has no text of.
    """
    corpora = config.corpora
    sizes = {iso: _size(corpora, table[iso], corpora.sizes) for iso in languages}
    empty = [iso for iso, size in sizes.items() if size <= 0]
    if empty and corpora.counts is not None:
        raise NoText(
            f"corpora.counts: {corpora.counts} has no training text of {', '.join(empty)}; copy "
            "the summary/corpora.csv of a run that collected it, or leave corpora.counts out"
        )
    if empty:
        is_folder = corpora.sizes == "folder"
        where = corpora.folder if is_folder else f"languages.tsv, {corpora.sizes}"
        there = text_files(corpora, empty) if is_folder else []
        raise NoText(
            f"no text for {', '.join(empty)} in {where}"
            + (f" (empty: {', '.join(there)})" if there else "")
            + "; add it, take the language out of the set (language_sets.<name>.exclude) or choose "
            "another corpora.source"
        )
    return sizes


def available_languages(config: Config, table: LanguageTable) -> tuple[str, ...]:
    """Every language that the corpus has text for, in the table's order."""
    corpora = config.corpora
    return tuple(one.iso for one in table if _size(corpora, one, corpora.listed_in) > 0)


def text_files(corpora: CorporaConfig, languages: Sequence[str]) -> list[str]:
    """The files of one's own text that are there; raises ConfigError where one has several."""
    folder = Path(corpora.folder or "")
    return [str(path) for iso in languages if (path := text_file(folder, iso)) is not None]


def _size(corpora: CorporaConfig, language: Language, sizes: str) -> float:
    """Characters of text, bytes of a file, or MB of CC-100: only ratios matter."""
    if sizes == "folder":
        return float(sum(Path(file).stat().st_size for file in text_files(corpora, [language.iso])))
    if sizes == "cc100_mb":
        return language.cc100_mb
    if sizes == "counts":
        characters = training_characters(corpora.counts or "").get(language.iso, 0)
    else:
        characters = language.embedded_kchars * 1000
    return float(min(characters, corpora.max_characters or characters))


def budget_updates(config: Config, table: LanguageTable, *, pinned: bool) -> int:
    """The number of updates of the cell that `config` describes.

    `pinned`: whether the budget's pinned numbers hold; an axis that changes what they were
    computed from makes them void.
    """
    if isinstance(config.budget, int):
        return config.budget
    budget = _budget(config)
    if budget.rule == "equal_steps":
        return budget.base_updates
    if pinned and config.language_set in budget.pinned:
        return budget.pinned[config.language_set]
    return derived_updates(config, table)


def derived_updates(config: Config, table: LanguageTable) -> int:
    """Updates under which the reference set's languages are seen equally often on average.

    base_updates * sum over the set of n ** alpha / sum over the reference set of n ** alpha.
    """
    budget = _budget(config)
    here, reference = (
        _total_weight(config, table, language_set(config, table, name))
        for name in (config.language_set, budget.reference_set)
    )
    return round(budget.base_updates * here / reference)


def extension_updates(config: Config, table: LanguageTable, *, cell_updates: int, iso: str) -> int:
    """Updates that add a language: as many of its examples as pre-training would have shown.

    X-MOD footnote 16. In pre-training on the cell's set the language would have had a share of
    n ** alpha beside the set's languages, whose sum is the cell's.
    """
    if cell_updates == 0:
        return 0  # a control: nothing is trained anywhere
    if config.extend.budget_updates is not None:
        return config.extend.budget_updates
    members = language_set(config, table, config.language_set)
    share = _total_weight(config, table, (iso,)) / _total_weight(config, table, members)
    examples = cell_updates * config.pretrain.batch_sequences * share
    return max(1, round(examples / config.extend.batch_sequences))


def _total_weight(config: Config, table: LanguageTable, languages: Sequence[str]) -> float:
    """The sum of n ** alpha, which languages are drawn in proportion to (section 4.2)."""
    sizes = language_sizes(config, table, languages)
    return math.fsum(size**config.pretrain.sampling_alpha for size in sizes.values())


def _budget(config: Config) -> BudgetConfig:
    if not isinstance(config.budget, str) or config.budget not in config.budgets:
        choices = [*config.budgets, "a number of updates"]
        raise ConfigError(
            f"budget: {config.budget!r} is not defined; {suggest(config.budget, choices)}"
        )
    return config.budgets[config.budget]
