"""What a budget means: the derived number of updates beside the pinned one, and how often each
language's text is seen (X-MOD section 4.1)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xmod.budgets import NoText, derived_updates, language_sizes
from xmod.cells import Cell
from xmod.config import Config
from xmod.dag import Dag
from xmod.planning.facts import Facts


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A language set under a budget."""

    name: str
    language_set: str
    other_axes: str
    """As in the id of the first cell that has it: `+pretrain.sampling_alpha=0.7`; or nothing."""
    num_languages: int
    updates: int
    """That its cells get."""
    derived: int
    """That the rule gives, from the sizes of the languages' text."""
    counted: int | None
    """That it gives from the text counted after cleaning; None while that of a language is not."""
    is_pinned: bool
    epochs: Mapping[str, float]
    """Language -> how often its text is seen in pre-training."""

    @property
    def median_epochs(self) -> float:
        return statistics.median(self.epochs.values())

    @property
    def least(self) -> str:
        """The language whose text is seen least often, which is the largest."""
        return min(self.epochs, key=self.epochs.__getitem__)

    @property
    def most(self) -> str:
        return max(self.epochs, key=self.epochs.__getitem__)


def budgets(dag: Dag, facts: Facts) -> tuple[Budget, ...]:
    """Of every language set and budget that cells of the grid have, each once."""
    found: dict[tuple[object, ...], Budget] = {}
    for point in dag.grid.points:  # not cells, of which one may answer two budgets
        name = dict(point.axes)["budget"]
        if isinstance(name, str) and point.cell.budget_updates:
            budget = _budget(dag, facts, point.cell, name)
            key = (budget.name, budget.language_set, budget.updates, *budget.epochs.values())
            found.setdefault(key, budget)
    return tuple(found.values())


def _budget(dag: Dag, facts: Facts, cell: Cell, name: str) -> Budget:
    config = dag.grid.configs[cell.id].model_copy(update={"budget": name})
    languages = dag.languages(cell)
    weights = {
        iso: size**config.pretrain.sampling_alpha
        for iso, size in language_sizes(config, dag.table, languages).items()
    }
    rule, training = config.budgets[name], config.pretrain
    tokens = cell.budget_updates * training.batch_sequences * training.sequence_length
    total = sum(weights.values())
    by_rule = rule.rule == "equal_examples"
    return Budget(
        name=name,
        language_set=cell.language_set,
        other_axes="".join(cell.at("pretrain").id.partition("+")[1:]),
        num_languages=len(languages),
        updates=cell.budget_updates,
        derived=derived_updates(config, dag.table) if by_rule else rule.base_updates,
        counted=_counted(dag, config) if by_rule else None,
        is_pinned=by_rule and cell.language_set in rule.pinned,
        epochs={
            iso: tokens * weight / total / facts.training_tokens(cell, iso)
            for iso, weight in weights.items()
        },
    )


def _counted(dag: Dag, config: Config) -> int | None:
    file = dag.paths.summary("corpora.csv")
    counts = {"sizes": "counts", "counts": file}
    corpora = config.corpora.model_copy(update=counts)
    if not Path(file).is_file():  # nothing is collected yet
        return None
    try:
        return derived_updates(config.model_copy(update={"corpora": corpora}), dag.table)
    except NoText:  # not all of the set is
        return None
