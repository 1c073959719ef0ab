"""Whether a run measures what a figure or table shows: looked up before anything runs.

Drawing it would fail too, but when all is trained. No pandas here: the plan reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.spec import Selection
from xmod.analysis.tables.spec import ByLanguageSpec, MetricTableSpec
from xmod.config_errors import ConfigError, suggest
from xmod.evaluated import TASK_STAGES
from xmod.measured import Measured


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """Metrics that one key of a declaration asks for."""

    key: str
    metrics: tuple[str, ...]
    tasks: tuple[str, ...]
    experiment: str
    is_optional: bool = False
    """Left out where it was not measured: it is enough that some configuration has one of them."""


def check_shown(spec: Selection, where: str, measured: Sequence[Measured]) -> None:
    """Raise ConfigError for the first set, text or metric that the experiment will not have."""
    _check_tasks(spec, where, measured)
    for shown in _shown(spec):
        there = [
            one
            for one in measured
            if (one.experiment, one.stage) == (shown.experiment, spec.stage)
            and one.task in shown.tasks
        ]
        known = list(dict.fromkeys(metric for one in there for metric in one.known))
        legal = list(dict.fromkeys(metric for one in there for metric in one.metrics))
        if shown.is_optional and set(shown.metrics) & set(known):
            continue
        for metric in shown.metrics:
            if metric not in legal:
                told = _not_there(metric, spec.stage, shown.tasks, known, legal)
                raise ConfigError(f"{where}.{shown.key}: {told}")


def _check_tasks(spec: Selection, where: str, measured: Sequence[Measured]) -> None:
    """Raise ConfigError for a set that no cell of the experiment is evaluated on."""
    here = (spec.experiment, spec.stage)
    legal = [one.task for one in measured if (one.experiment, one.stage) == here]
    for task in spec.tasks:
        if task in legal:
            continue
        if spec.stage not in TASK_STAGES:
            choices = suggest(task, legal)
            raise ConfigError(f"{where}.task: stage {spec.stage} has no {task!r}; {choices}")
        choices = suggest(task, legal) if legal else "it is evaluated on nothing."
        raise ConfigError(
            f"{where}.task: experiment {spec.experiment!r} is not evaluated on {task!r}; {choices} "
            f"Add its task to tasks, or to experiments.{spec.experiment}.evaluate"
        )


def _shown(spec: Selection) -> Iterator[_Shown]:
    """What a declaration shows, key by key."""
    if isinstance(spec, ByLanguageSpec):
        yield from _shown_by_language(spec)
        return
    metrics = spec.metric
    if isinstance(spec, MetricTableSpec):
        metrics = tuple(column.metric for column in spec.columns)
    key = "columns" if isinstance(spec, MetricTableSpec) else "metric"
    yield _Shown(key=key, metrics=metrics, tasks=spec.tasks, experiment=spec.experiment)
    for number, reference in enumerate(spec.references if isinstance(spec, FigureSpec) else ()):
        of_another = reference.experiment is not None and not reference.optional
        yield _Shown(
            key=f"references.{number}",
            metrics=reference.metrics(metrics),
            tasks=spec.tasks,
            experiment=str(reference.experiment) if of_another else spec.experiment,
            is_optional=reference.optional,
        )


def _shown_by_language(spec: ByLanguageSpec) -> Iterator[_Shown]:
    for number, block in enumerate(spec.blocks):
        yield _Shown(
            key=f"blocks.{number}.metric",
            metrics=block.metric,
            tasks=(block.task,),
            experiment=spec.experiment,
            is_optional=block.optional,
        )
    every = dict.fromkeys(metric for block in spec.blocks for metric in block.metric)
    for number, baseline in enumerate(spec.baselines):
        yield _Shown(
            key=f"baselines.{number}.metric",
            metrics=baseline.metrics(every),
            tasks=spec.tasks,
            experiment=spec.experiment,
            is_optional=True,
        )


def _not_there(
    metric: str, stage: str, tasks: Iterable[str], known: Sequence[str], legal: Sequence[str]
) -> str:
    if metric not in known:
        where = f"{' and '.join(tasks)} (stage {stage})"
        return f"{where} has no metric {metric!r}; {_choices(metric, legal, known)}"
    lacks = "no variant of the experiment has a module for each language"
    if stage in TASK_STAGES:
        lacks = f"tasks.<name>.controls does not ask for it, or {lacks}"
    return f"{metric!r} is not measured here: {lacks}; {_choices(metric, legal)}"


def _choices(metric: str, legal: Sequence[str], known: Sequence[str] = ()) -> str:
    """The legal metrics and the nearest; what stands beside a metric is not listed."""
    beside = [one for one in legal if any(one.startswith(f"{other}_") for other in legal)]
    listed = [one for one in legal if one not in beside]
    if beside:
        listed.append(f"and what stands beside these, such as {beside[0]}")
    return suggest(metric, listed, hidden=[*legal, *known])
