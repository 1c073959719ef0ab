"""Choosing a setting by development scores, as the paper did (section 4.3, footnote 12).

A setting is a learning rate and a number of epochs, with which several seeds were run. The one with
the best mean over its seeds is chosen; at a tie the first of the configuration. NLI and NER are
judged by the average over the pre-trained languages, QA by the source language alone.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal

from pydantic import ConfigDict

from xmod.analysis.records import DataError, Record
from xmod.config_section import Section
from xmod.files import write_text_atomic
from xmod.task_jobs import Run

Choice = Literal["pretrained", "source"]
Setting = tuple[float, int]
"""A learning rate and a number of epochs."""


class RunScores(Section):
    """What one fine-tuning run scored, on the development set and the tests."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cell: str
    metric: str
    """The one that settings are chosen by."""
    run: Run
    records: tuple[Record, ...]

    @property
    def setting(self) -> Setting:
        return self.run.learning_rate, self.run.epochs


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
    """The settings of one cell's runs, in their order.

    Raises DataError where a run has no development score, and where two settings cannot be
    compared: other seeds, or other languages.
    """
    found: dict[Setting, list[RunScores]] = defaultdict(list)
    judged: dict[str, dict[str, float]] = {}
    for run in runs:
        found[run.setting].append(run)
        scores = development_scores(run, by=by)
        first, expected = next(iter(judged.items()), (run.run.name, scores))
        if scores.keys() != expected.keys():
            raise DataError(
                f"cell {run.cell}: the development set of run {run.run.name} has languages "
                f"{', '.join(scores)}, that of run {first} {', '.join(expected)}; measure both anew"
            )
        judged[run.run.name] = scores
    _check_seeds(found)
    return [
        Candidate(
            setting=setting,
            runs=tuple(members),
            scores=tuple(fmean(judged[member.run.name].values()) for member in members),
        )
        for setting, members in found.items()
    ]


def development_scores(run: RunScores, *, by: Choice) -> dict[str, float]:
    """What a run is judged by: the score in each language of a group."""
    scores = {
        record.language: record.value
        for record in run.records
        if (record.stage, record.metric, record.group) == ("development", run.metric, by)
    }
    if not scores:
        raise DataError(
            f"cell {run.cell}, run {run.run.name}: no {run.metric} on the development set in any "
            f"{by} language, so no setting can be chosen"
        )
    return scores


def _check_seeds(found: Mapping[Setting, Sequence[RunScores]]) -> None:
    """Raise DataError unless every setting was run with the same seeds, each once."""
    seeds = {setting: [member.run.seed for member in members] for setting, members in found.items()}
    everywhere = sorted(set(itertools.chain(*seeds.values())))
    for setting, members in found.items():
        if sorted(seeds[setting]) != everywhere:
            rate, epochs = setting
            raise DataError(
                f"cell {members[0].cell}: learning rate {rate} with {epochs} epochs was run with "
                f"seeds {seeds[setting]}, where {everywhere} are due, each once: a mean over other "
                "seeds cannot be compared"
            )


def choose(settings: Sequence[Candidate]) -> Candidate:
    """The best mean; at a tie the first."""
    return max(settings, key=lambda candidate: candidate.mean)


def write_candidates(path: Path, settings: Sequence[Candidate], chosen: Candidate) -> None:
    """Every setting with its seeds' development scores, and which one was chosen.

    The deviation is that of a sample; of one seed there is none.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ("learning_rate", "epochs", "num_seeds", "development_mean", "development_std", "chosen")
    )
    for one in settings:
        deviation = repr(stdev(one.scores)) if len(one.scores) > 1 else ""
        writer.writerow((*one.setting, len(one.scores), repr(one.mean), deviation, one is chosen))
    write_text_atomic(path, stream.getvalue())


def by_cell(runs: Iterable[RunScores]) -> dict[str, list[RunScores]]:
    """Cell -> its runs, those of a setting by seed."""
    found: dict[str, list[RunScores]] = defaultdict(list)
    for run in runs:
        found[run.cell].append(run)
    return {cell: sorted(members, key=lambda r: r.run.seed) for cell, members in found.items()}
