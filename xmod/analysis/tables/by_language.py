"""Tables with a column a language and a row a model, as X-MOD tables 2, 3 and 5 to 8."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from xmod.analysis.names import seeds_of
from xmod.analysis.published import AVERAGE
from xmod.analysis.records import GridPoints
from xmod.analysis.selection import only_measured, points_of
from xmod.analysis.spec import Baseline
from xmod.analysis.tables.labels import Key, heading, value_name
from xmod.analysis.tables.render import Cell, Column, Span, Table, plain
from xmod.analysis.tables.scores import (
    BlockScores,
    Number,
    Numbers,
    block_scores,
    key_columns,
    of_block,
)
from xmod.analysis.tables.spec import Block, ByLanguageSpec
from xmod.languages import LanguageTable

ABSENT, BESIDE = "-", " / "
RECORD = ("value", "std", "num_averaged", "num_seeds", "num_seeds_due", "seeds_of", "note")

Row = tuple[Cell, ...]
Best = Mapping[tuple[str, str], str]
"""(metric, language) -> the best number, as it is printed."""


def by_language_table(
    frame: pd.DataFrame, grid: GridPoints, table: LanguageTable, spec: ByLanguageSpec
) -> Table:
    """Average and lay out; what was not measured, or by too few seeds, is said in notes.

    Raises DataError where the declaration names what the data do not have.
    """
    blocks = [
        block_scores(frame, grid, table, spec, block)
        for block in spec.blocks
        if not block.optional or only_measured(frame, of_block(spec, block)).metric
    ]
    columns = key_columns(grid, points_of(grid, spec), spec)
    return _Layout(spec, table, columns, _languages(blocks, spec, table)).table_of(blocks)


def _languages(
    blocks: Iterable[BlockScores], spec: ByLanguageSpec, table: LanguageTable
) -> tuple[str, ...]:
    """Those declared, else those of any number."""
    if spec.languages is not None:
        return spec.languages.isos(table)
    every = [n for one in blocks for n in (*one.models.values(), *one.paper.values())]
    there = {language for numbers in every for _, language in numbers}
    return tuple(iso for iso in table.isos if iso in there)


class _Layout:
    """Rows, records and notes of one table, block after block."""

    def __init__(
        self,
        spec: ByLanguageSpec,
        table: LanguageTable,
        columns: Sequence[str],
        languages: Sequence[str],
    ) -> None:
        self.spec, self.table, self.columns = spec, table, list(columns)
        self.languages = (*languages, AVERAGE)
        self.has_blocks = len(spec.blocks) > 1
        self.rows: list[Row] = []
        self.records: list[tuple[str, ...]] = []
        self.rules: list[int] = []
        self.footnotes: dict[str, str] = {}
        """Text -> its mark."""

    def table_of(self, blocks: Sequence[BlockScores]) -> Table:
        for scores in blocks:
            self._start()
            self._block(scores)
        apart = [
            (scores, cell)
            for scores in blocks
            for cell in scores.paper
            if cell not in scores.comparable.values()
        ]
        self._start()
        for number, (scores, cell) in enumerate(apart):
            is_first = number == 0 or apart[number - 1][0] is not scores
            self._paper(scores, cell, label=scores.block.label if is_first else "")
        names = [Column(label="Set")] if self.has_blocks else []
        names += [Column(label=heading(column)) for column in self.columns]
        return Table(
            columns=(
                *names,
                Column(label=""),
                *(Column(label=iso, align="right") for iso in self.languages),
            ),
            rows=tuple(self.rows),
            record_columns=(
                "source",
                "cell",
                "task",
                "metric",
                *self.columns,
                "language",
                *RECORD,
                "synthetic",
            ),
            records=tuple(self.records),
            rules=tuple(self.rules),
            notes=tuple(self._notes(blocks, has_apart=bool(apart))),
        )

    def _start(self) -> None:
        """A new part begins here."""
        if self.rows:
            self.rules.append(len(self.rows))

    def _block(self, scores: BlockScores) -> None:
        label, best = scores.block.label, _best(scores.models.values(), self.spec)
        paper_best = _best(scores.paper.values(), self.spec)
        for key, numbers in scores.models.items():
            names = [plain(value_name(column, value, self.table)) for column, value in
                     zip(self.columns, key, strict=True)]  # fmt: skip
            cells = self._cells(scores.block, numbers, best)
            self._add(label, names, _what(numbers), cells)
            self._record("run", scores, " ".join(scores.cells[key]), key, numbers)
            below = [plain("") for _ in names]
            if any(number.std is not None for number in numbers.values()):
                self._add("", below, "± std", self._deviations(scores.block, numbers))
            if key in scores.comparable:
                cell = scores.comparable[key]
                printed = scores.paper[cell]
                cells = self._cells(scores.block, printed, paper_best)
                self._add("", below, "paper", cells)
                self._record("paper", scores, cell, key, printed)
            label = ""
        for baseline in self.spec.baselines:
            if baseline.label in scores.baselines:
                self._baseline(scores, baseline)

    def _baseline(self, scores: BlockScores, baseline: Baseline) -> None:
        numbers = scores.baselines[baseline.label]
        metrics = baseline.of(of_block(self.spec, scores.block)).metric
        block = scores.block.model_copy(update={"metric": metrics})
        names = [plain(baseline.label), *(plain("") for _ in self.columns[1:])]
        unmarked = {place: Number(value=one.value) for place, one in numbers.items()}
        self._add("", names, "", self._cells(block, unmarked, {}))
        self._record(baseline.label, scores, "", ("",) * len(self.columns), numbers)

    def _paper(self, scores: BlockScores, cell: str, *, label: str) -> None:
        """A row of the paper's for a cell that is not in this table."""
        best = _best(scores.paper.values(), self.spec)
        names = [plain(f"paper, {cell}"), *(plain("") for _ in self.columns[1:])]
        cells = self._cells(scores.block, scores.paper[cell], best)
        self._add(label, names, "5 seeds", cells)
        variant = cell.partition(".")[0]
        key = tuple(variant if column == "variant" else "" for column in self.columns)
        self._record("paper", scores, cell, key, scores.paper[cell])

    def _add(self, label: str, names: Sequence[Cell], what: str, cells: Sequence[Cell]) -> None:
        first = [plain(label)] if self.has_blocks else []
        self.rows.append((*first, *names, plain(what), *cells))

    def _cells(self, block: Block, numbers: Numbers, best: Best) -> list[Cell]:
        return [self._cell(block, numbers, best, language) for language in self.languages]

    def _cell(self, block: Block, numbers: Numbers, best: Best, language: str) -> Cell:
        """The block's metrics in one language, each in bold where it is the best."""
        found = [numbers.get((metric, language)) for metric in block.metric]
        if not any(found):
            return plain(ABSENT)
        spans: list[Span] = []
        for metric, number in zip(block.metric, found, strict=True):
            spans += [Span(text=BESIDE)] if spans else []
            text = printed(number, self.spec)
            spans.append(Span(text=text, bold=best.get((metric, language)) == text))
        told = len({number.num_seeds for number in numbers.values()}) == 1  # by the row's name
        texts = dict.fromkeys(text for one in found if one for text in _remarks(one, told=told))
        marks = [self._mark(text) for text in texts]
        return (*spans, *([Span(text=",".join(marks), raised=True)] if marks else []))

    def _mark(self, text: str) -> str:
        """The footnote's mark; the same text has the same."""
        return self.footnotes.setdefault(text, string.ascii_letters[len(self.footnotes)])

    def _deviations(self, block: Block, numbers: Numbers) -> list[Cell]:
        cells = []
        for language in self.languages:
            found = [numbers.get((metric, language)) for metric in block.metric]
            stds = [ABSENT if number is None or number.std is None
                    else f"{number.std:.{self.spec.decimals}f}" for number in found]  # fmt: skip
            cells.append(plain(BESIDE.join(stds) if set(stds) != {ABSENT} else ABSENT))
        return cells

    def _record(
        self, source: str, scores: BlockScores, cell: str, key: Key, numbers: Numbers
    ) -> None:
        synthetic = scores.is_synthetic and source != "paper"
        for (metric, language), one in numbers.items():
            if language in self.languages:
                facts = (getattr(one, name) for name in RECORD)
                self.records.append((
                    *(source, cell, scores.block.task, metric, *key, language),
                    *("" if fact is None else str(fact) for fact in facts),
                    "true" if synthetic else "false",
                ))  # fmt: skip

    def _notes(self, blocks: Sequence[BlockScores], *, has_apart: bool) -> Iterable[str]:
        drafts = [
            f"{one.block.label} {one.num_complete} of {one.num_cells} cells"
            for one in blocks
            if one.num_complete < one.num_cells
        ]
        if drafts:
            yield f"Draft: {'; '.join(drafts)}."
        counts = [number for one in blocks for n in one.models.values() for number in n.values()]
        if counts:
            seeds = [number.num_seeds or 0 for number in counts]
            due = max(number.num_seeds_due or 0 for number in counts)
            words = "Means and standard deviations over" if max(seeds) > 1 else "Scores of"
            stages = dict.fromkeys(number.seeds_of for number in counts if number.seeds_of)
            yield f"{words} {seeds_of(min(seeds), max(seeds), due, ' and '.join(stages))}."
        if any(one.comparable for one in blocks):
            yield "Rows called paper: the paper's numbers for the same cell, as printed."
        if has_apart:
            yield (
                "The last rows: the paper's numbers for its own cells, as printed. Those are "
                "models and data of another scale, so they do not compare with the rows above."
            )
        yield from (f"{mark}: {text}." for text, mark in self.footnotes.items())


def printed(number: Number | None, spec: ByLanguageSpec) -> str:
    """A number as the table prints it."""
    return ABSENT if number is None else f"{number.value:,.{spec.decimals}f}"


def _best(models: Iterable[Numbers], spec: ByLanguageSpec) -> Best:
    """The best of at least two models, as printed: models that print alike are alike."""
    rivals: dict[tuple[str, str], list[Number]] = {}
    for numbers in models:
        for place, number in numbers.items():
            rivals.setdefault(place, []).append(number)
    choose = min if spec.best == "lowest" else max
    return {
        place: printed(choose(found, key=lambda one: one.value), spec)
        for place, found in rivals.items()
        if len(found) > 1
    }


def _remarks(number: Number, *, told: bool) -> Iterable[str]:
    """What a footnote says of one number; `told`: how many seeds it has is said elsewhere."""
    if number.note:
        yield number.note
    if number.lacks_seeds and not told:
        yield f"{number.num_seeds} of {number.num_seeds_due} seeds"


def _what(numbers: Numbers) -> str:
    """What a model's row of numbers is; seeds that single numbers lack are in footnotes."""
    if not numbers:
        return "not run yet"
    seeds = {number.num_seeds or 0 for number in numbers.values()}
    due = max(number.num_seeds_due or 0 for number in numbers.values())
    if len(seeds) > 1 or seeds == {due} != {1}:
        return "mean"
    words = seeds_of(max(seeds), max(seeds), due)
    return words if seeds == {1} else f"mean of {words}"
