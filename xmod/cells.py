"""Cells: what is trained, by ids that read back, and what of it each stage depends on.

A cell's id is `variant.size.language_set.budget`, as the released checkpoints spell it
(`xmod.base.60.265k`); keys that differ from the configuration's own value are appended as
`+key=value`. A key at its own value is left out, so a new axis renames nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from xmod.config import Config
from xmod.config_errors import ConfigError
from xmod.config_section import AxisValue

_VOCABULARY = ("corpora", "vocabulary")
_ADDED_VOCABULARY = ("corpora", "extend.vocabulary")
_PRETRAIN = (*_VOCABULARY, "model", "pretrain", "adapters", "engine", "seed")
_MODEL = (*_PRETRAIN, "checkpoint")
_EXTEND = (*_MODEL, "extend")
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
    "finetune": (*_MODEL, *_FINETUNE),
    "finetune_added": (*_EXTEND, *_FINETUNE),  # where the source language was added
    "evaluate": (*_EXTEND, *_FINETUNE, "tasks.{task}.max_answer_tokens"),
}
"""Stage -> the config keys it depends on: an axis over another key shares the stage's work.

`{task}` stands for the task's name.
"""


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
        return self.name + "".join(f"+{k}={format_value(v)}" for k, v in self.overrides)

    @property
    def name(self) -> str:
        """The first four parts of the id, which is what a released checkpoint is called."""
        updates = format_updates(self.budget_updates)
        return ".".join((self.variant, self.size, self.language_set, updates))

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
        keys = keys_of(stage, task)
        return tuple((k, v) for k, v in self.overrides if is_under(k, keys))

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


def base_cell(cell: Cell, config: Config) -> Cell | None:
    """The cell on top of whose model `cell`'s modules are trained; None for most variants."""
    variant = config.variants[cell.variant]
    if variant.base is None:
        return None
    pretraining = cell.at("pretrain").overrides
    return Cell(
        variant=variant.base,
        size=cell.size,
        language_set=cell.language_set,
        budget_updates=round(cell.budget_updates * variant.base_share),
        overrides=tuple((k, v) for k, v in pretraining if not is_under(k, ["adapters"])),
    )


def checkpoint_updates(config: Config, budget_updates: int) -> int:
    """The number of updates after which a cell is taken."""
    return round(config.checkpoint * budget_updates)


def keys_of(stage: str, task: str) -> list[str]:
    """The keys that a stage depends on; of tasks, those of `task` only."""
    return [key.replace("{task}", task) for key in UPSTREAM[stage]]


def is_under(key: str, prefixes: Iterable[str]) -> bool:
    return any(key == prefix or key.startswith(prefix + ".") for prefix in prefixes)
