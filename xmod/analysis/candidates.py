"""Choosing a setting by development scores, as the paper did (section 4.3, footnote 12).

A setting is a learning rate and a number of epochs, with which several seeds were run. The one with
the best mean over its seeds is chosen; at a tie the first of the configuration. NLI and NER are
judged by the average over the pre-trained languages, QA by the source language alone.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal

from pydantic import ConfigDict

from xmod.analysis.records import DataError, Record
from xmod.config_section import Section
from xmod.files import write_text_atomic

Choice = Literal["pretrained", "source"]
Setting = tuple[float, int]
"""A learning rate and a number of epochs."""


class RunOf(Section):
    """Which run a file of scores is of."""

    learning_rate: float
    epochs: int
    seed: int

    @property
    def setting(self) -> Setting:
        return self.learning_rate, self.epochs


class RunScores(Section):
    """What one fine-tuning run scored, on the development set and the tests."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cell: str
    metric: str
    """The one that settings are chosen by."""
    run: RunOf
    records: tuple[Record, ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One setting, and how its runs did on the development set."""

    setting: Setting
    runs: tuple[RunScores, ...]
    scores: tuple[float, ...]
    """Of each run."""

    @property
    def mean(self) -> float:
        return fmean(self.scores)


def candidates(runs: Sequence[RunScores], *, by: Choice) -> list[Candidate]:
    """The settings of one cell's runs, in their order; raises DataError without any score."""
    found: dict[Setting, list[RunScores]] = defaultdict(list)
    for run in runs:
        found[run.run.setting].append(run)
    return [
        Candidate(
            setting=setting,
            runs=tuple(members),
            scores=tuple(development_score(member, by=by) for member in members),
        )
        for setting, members in found.items()
    ]


def development_score(run: RunScores, *, by: Choice) -> float:
    """What a run is judged by: the mean over the languages of a group."""
    values = [
        record.value
        for record in run.records
        if (record.stage, record.metric, record.group) == ("development", run.metric, by)
    ]
    if not values:
        raise DataError(
            f"cell {run.cell}, {run.run.model_dump()}: no {run.metric} on the development set in "
            f"any {by} language, so no setting can be chosen"
        )
    return fmean(values)


def choose(settings: Sequence[Candidate]) -> Candidate:
    """The best mean; at a tie the first."""
    return max(settings, key=lambda candidate: candidate.mean)


def write_candidates(path: Path, settings: Sequence[Candidate], chosen: Candidate) -> None:
    """Every setting with its seeds' development scores, and which one was chosen."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ("learning_rate", "epochs", "num_seeds", "development_mean", "development_std", "chosen")
    )
    for one in settings:
        deviation = stdev(one.scores) if len(one.scores) > 1 else 0.0
        writer.writerow(
            (*one.setting, len(one.scores), repr(one.mean), repr(deviation), one is chosen)
        )
    write_text_atomic(path, stream.getvalue())


def by_cell(runs: Iterable[RunScores]) -> dict[str, list[RunScores]]:
    """Cell -> its runs, those of a setting by seed."""
    found: dict[str, list[RunScores]] = defaultdict(list)
    for run in runs:
        found[run.cell].append(run)
    return {cell: sorted(members, key=lambda r: r.run.seed) for cell, members in found.items()}
