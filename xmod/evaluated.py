"""What the cells of each experiment are evaluated on, as rows of metrics.csv name it.

The figures need it beside the numbers: how many seeds there should be, and which sets are made up.
"""

from __future__ import annotations

from collections.abc import Iterator

from xmod.config import Config
from xmod.config_section import Section
from xmod.config_tasks import TaskConfig

TASK_STAGES = ("evaluate", "development")
"""The stages of metrics.csv that tasks have."""


class EvaluatedSet(Section):
    """One set of examples that the cells of one experiment are measured on."""

    experiment: str
    stage: str
    """`evaluate` for a test set, `development` for the set that settings are chosen by."""
    task: str
    """The set's name; of a development set, the task's."""
    seeds: int
    """Fine-tuning runs of each cell whose scores are reported."""
    synthetic: bool
    """Whether a program made it, or what the models were fine-tuned on."""


def evaluated_sets(config: Config) -> tuple[EvaluatedSet, ...]:
    """Every set of every experiment, in the configuration's order."""
    found = []
    for experiment, name, task in evaluated_tasks(config):
        sets = {("evaluate", one): data for one, data in task.tests.items()}
        sets["development", name] = task.development
        found += [
            EvaluatedSet(
                experiment=experiment,
                stage=stage,
                task=one,
                seeds=task.seeds,
                synthetic="synthetic" in (data.format, task.train.format),
            )
            for (stage, one), data in sets.items()
        ]
    return tuple(found)


def evaluated_tasks(config: Config) -> Iterator[tuple[str, str, TaskConfig]]:
    """Every experiment with each task that it is evaluated on: its name, and what it is."""
    for experiment, declared in config.experiments.items():
        names = config.tasks if declared.evaluate == "all" else declared.evaluate
        for name in names:
            yield experiment, name, config.tasks[name]
