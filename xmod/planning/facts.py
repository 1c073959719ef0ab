"""What a run's data measure: counted where they were made, else taken from the table of costs."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xmod.analysis.report.facts import read_json
from xmod.budgets import language_sizes
from xmod.cells import Cell
from xmod.config_tasks import TaskDataConfig
from xmod.planning.costs import Costs

if TYPE_CHECKING:
    from xmod.dag import Dag

SPECIAL_PIECES = 2
"""A vocabulary has so many more than SentencePiece's: docs of `vocabulary.size`."""


class Sequences(NamedTuple):
    """How many sequences a set has in one language, and how many tokens all of them."""

    num_sequences: float
    num_tokens: float

    @property
    def length(self) -> float:
        return self.num_tokens / self.num_sequences if self.num_sequences else 1.0


class Facts:
    """What is known of the data of one run."""

    def __init__(self, dag: Dag, costs: Costs) -> None:
        self.dag, self.costs = dag, costs
        self._read = cache(lambda path: read_json(Path(path)))
        self._sizes: dict[str, float] = {}
        self._sequences: dict[tuple[str, str, str, str, bool], Sequences] = {}
        self._counted: dict[tuple[str, str, str], int | None] = {}
        self.assumed: dict[str, str] = {}
        """What is not known yet, and what is taken instead."""

    # Vocabularies

    def vocabulary_size(self, scope: str) -> int:
        """Pieces of the shared vocabulary of a scope."""
        made = self._read(self.dag.paths.vocabulary(scope, "vocabulary.json"))
        if made:
            return int(made["size"])
        config = self.dag.grid.configs[self.dag.scopes("vocabulary")[scope].id].vocabulary
        if config.model is None:
            return config.size + SPECIAL_PIECES
        size = self.costs.vocabulary_size
        self.assumed["vocabulary"] = f"{config.model} has {size:,} pieces"
        return size

    def added_vocabulary_size(self, scope: str, iso: str) -> int:
        """Pieces of an added language's own vocabulary."""
        folder = self.dag.paths.added_vocabulary_folder(scope)
        made = self._read(f"{folder}/{iso}/vocabulary.json")
        if made:
            return int(made["size"])
        cell = self.dag.scopes("added_vocabulary")[scope]
        return self.dag.grid.configs[cell.id].extend.vocabulary.size + SPECIAL_PIECES

    # Text

    def text_megabytes(self, iso: str) -> float:
        """Of a language's clean text, both splits, roughly."""
        corpora, text = self.dag.config.corpora, self.costs.text
        size = self._size(iso)
        if corpora.sizes == "embedded_kchars":
            return size * text.bytes_per_character / 1e6
        if corpora.sizes == "counts":  # of training text alone
            return size / (1 - corpora.heldout_fraction) * text.bytes_per_character / 1e6
        is_packed = corpora.sizes == "cc100_mb"
        expansion = text.bytes_per_compressed_byte if is_packed else self._expansion(iso) / 1e6
        megabytes = size * expansion
        if corpora.max_characters is None:
            return megabytes
        return min(megabytes, corpora.max_characters * text.bytes_per_character / 1e6)

    def training_tokens(self, cell: Cell, iso: str) -> float:
        """Of a language in the shared vocabulary: counted, or by the size of its text."""
        scope = cell.scope("vocabulary")
        counted = self._token_count(self.dag.paths.token_folder(scope), iso, "train")
        if counted is not None:
            return float(counted)
        corpora, text = self.dag.config.corpora, self.costs.text
        if corpora.listed_in == "embedded_kchars":
            per_byte = text.tokens_per_character / text.bytes_per_character
        else:
            per_byte = text.tokens_per_compressed_byte / text.bytes_per_compressed_byte
        tokens = self.text_megabytes(iso) * 1e6 * per_byte
        self.assumed["tokens"] = "tokens of a language are guessed from the size of its text"
        return tokens * (1 - corpora.heldout_fraction)

    def heldout_tokens(self, cell: Cell, iso: str, *, is_added: bool) -> float:
        """Of a language's held-out text; endless where it is not known yet."""
        stage = "added_vocabulary" if is_added else "vocabulary"
        paths, scope = self.dag.paths, cell.scope(stage)
        folder = paths.added_token_folder(scope) if is_added else paths.token_folder(scope)
        counted = self._token_count(folder, iso, "heldout")
        return math.inf if counted is None else float(counted)

    def _size(self, iso: str) -> float:
        if iso not in self._sizes:
            self._sizes |= language_sizes(self.dag.config, self.dag.table, [iso])
        return self._sizes[iso]

    def _expansion(self, iso: str) -> float:
        """Bytes of text in a byte of a language's file."""
        is_packed = any(not file.endswith(".txt") for file in self.dag.text_files([iso]))
        return self.costs.text.bytes_per_compressed_byte if is_packed else 1.0

    def _token_count(self, folder: str, iso: str, split: str) -> int | None:
        key = (folder, iso, split)
        if key not in self._counted:
            made = self._read(f"{folder}/{iso}/{split}.json")
            self._counted[key] = int(made["num_tokens"]) if made else None
        return self._counted[key]

    # Sets of tasks

    def sequences(self, task: str, cell: Cell, name: str, iso: str) -> Sequences:
        """Of one set in one language, as the cell reads it."""
        is_added = iso in self.dag.added(cell)
        stage = "added_features" if is_added else "features"
        scope = cell.scope(stage, task)
        key = (task, scope, name, iso, is_added)
        if key not in self._sequences:
            path = self.dag.paths.task_file(stage, task, scope, iso, "manifest.json")
            counts = (self._read(path) or {}).get("counts", {}).get(name)
            self._sequences[key] = (
                Sequences(counts["num_sequences"], counts["num_tokens"])
                if counts
                else self._assumed_sequences(task, cell, name)
            )
        return self._sequences[key]

    def _assumed_sequences(self, task: str, cell: Cell, name: str) -> Sequences:
        config = self.dag.tasks.at(task, cell)
        data: TaskDataConfig = config.sets[name]
        known = self.costs.sets[data.format]
        role = name if name in ("train", "development") else "tests"
        num_sequences: int = getattr(known, role)
        if data.max_examples is not None:
            is_endless = data.format == "synthetic"
            num_sequences = (
                data.max_examples if is_endless else min(num_sequences, data.max_examples)
            )
        self.assumed[f"tasks.{task}"] = f"sets of {task} are as long as {known.source}"
        return Sequences(num_sequences, num_sequences * min(known.tokens, config.max_length))
