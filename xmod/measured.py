"""What a run measures, by the names that rows of metrics.csv and curves.csv give it.

Whoever writes scores takes its names from here, or is held against them by a test, so that a
figure that names something else is refused before anything runs. Pure: the plan reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from xmod.config import Config
from xmod.config_section import AxisValue
from xmod.config_tasks import Control, TaskConfig, TaskKind
from xmod.evaluated import evaluated_tasks

CURVES: Final = ("loss", "gradient_norm", "learning_rate")
"""Columns of a pre-training's history.csv."""
PERPLEXITY: Final = (
    *("perplexity", "nll", "unigram_nll", "shuffled_nll"),
    *("unknown_rate", "masked_tokens"),
)
"""Of held-out text (xmod/evaluation/perplexity.py)."""
WRONG_MODULE: Final = "wrong_module_nll"
"""Beside them where each language has a module of its own."""
TASK_METRICS: Final[Mapping[TaskKind, tuple[str, ...]]] = {
    "nli": ("accuracy",),
    "ner": ("f1",),
    "qa": ("f1", "exact_match"),
}
"""Kind -> its metrics; a test holds them against those of xmod/tasks/scoring.py, which starts with
numpy."""
FIXED_BASELINES: Final[Mapping[TaskKind, tuple[str, ...]]] = {
    "nli": ("chance", "majority"),
    "ner": ("chance", "majority"),
    "qa": ("chance", "first_answer"),
}
"""Kind -> what stands beside each metric of a test set, as `<metric>_<baseline>`."""
LEARNED_BASELINES: Final[Mapping[TaskKind, tuple[str, ...]]] = {
    "nli": ("hypothesis_only", "premise_only"),
    "ner": ("word_memorised", "word_only", "context_only"),
    "qa": ("question_only", "context_only"),
}
"""The same for those learned in the source language and, `_in_language`, in the set's own."""
CORPUS_TASK: Final = "mlm"
"""The task of all that is measured on text alone."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One set of examples or text that the cells of one experiment are measured on."""

    experiment: str
    stage: str
    task: str
    """The set's name; of a development set, the task's; `mlm` where it is text."""
    metrics: tuple[str, ...]
    """Those that the experiment's cells will have."""
    known: tuple[str, ...]
    """Those, and what another configuration would have: by controls or modules that it lacks."""


def measured(
    config: Config, points: Mapping[str, Sequence[Mapping[str, AxisValue]]]
) -> tuple[Measured, ...]:
    """Everything that is measured, of the experiments of `points`: their values on every axis."""
    kinds = {name: variant.modules for name, variant in config.variants.items()}
    has_modules = {
        experiment: any(kinds[str(axes["variant"])] == "language" for axes in here)
        for experiment, here in points.items()
    }
    texts = (one for experiment, has in has_modules.items() for one in _texts(experiment, has))
    sets = (
        one
        for experiment, name, task in evaluated_tasks(config)
        for one in _sets(experiment, name, task, task.controls if has_modules[experiment] else ())
    )
    return (*texts, *sets)


def task_metrics(kind: TaskKind, *, stage: str, controls: Sequence[str]) -> tuple[str, ...]:
    """Those of a kind of task; then each with what stands beside it, baselines for tests alone."""
    beside = (*(baselines(kind) if stage == "evaluate" else ()), *controls)
    metrics = TASK_METRICS[kind]
    return (*metrics, *(f"{metric}_{one}" for one in beside for metric in metrics))


def baselines(kind: TaskKind) -> tuple[str, ...]:
    """What stands beside a metric of a test set, as the end of its name."""
    learned = LEARNED_BASELINES[kind]
    return (*FIXED_BASELINES[kind], *learned, *(f"{name}_in_language" for name in learned))


def _texts(experiment: str, has_modules: bool) -> Iterator[Measured]:
    every = (*PERPLEXITY, WRONG_MODULE)
    for stage, metrics, known in (
        ("pretrain", CURVES, CURVES),
        ("perplexity", every if has_modules else PERPLEXITY, every),
    ):
        yield Measured(
            experiment=experiment, stage=stage, task=CORPUS_TASK, metrics=metrics, known=known
        )


def _sets(
    experiment: str, name: str, task: TaskConfig, controls: Sequence[str]
) -> Iterator[Measured]:
    for stage, sets in (("evaluate", tuple(task.tests)), ("development", (name,))):
        for one in sets:
            yield Measured(
                experiment=experiment,
                stage=stage,
                task=one,
                metrics=task_metrics(task.kind, stage=stage, controls=controls),
                known=task_metrics(task.kind, stage=stage, controls=get_args(Control)),
            )
