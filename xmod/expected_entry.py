"""A job of the plan with all that goes by its rule's name; as `xmod.expected_jobs`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xmod.analysis.report.state import Job
from xmod.dag import Dag

_TOLD = {
    "tokens": None,
    "added_tokens": None,
    "baselines": None,
    "import_released": ("pretrain", "pretrain"),
    "join_adapters": ("join", "pretrain"),
}
"""What is not told the text of its own name in a file of its own folder: whose text, in whose."""


def entry(
    dag: Dag,
    rule: str,
    scope: str,
    outputs: Iterable[str],
    inputs: Iterable[str] | Mapping[str, Any],
    *,
    task: str = "",
    part: str = "",
    cells: Iterable[str] = (),
) -> Job:
    """A job of a stage that runs on a cluster, with its log, benchmark and text.

    `rule` is the first folder of its log, `inputs` as a rule has them, by name or not.
    """
    where = [word for word in (rule, task, scope, part) if word]
    text, told_in = "", ""
    if (told := _TOLD.get(rule, (rule, rule))) is not None:
        stage, folder = told
        name = f"job-{part}" if part else "job"
        if task:
            text = dag.tasks.job_text(stage, task, scope, name)
            told_in = dag.paths.task_job(folder, task, scope, name)
        else:
            text, told_in = dag.job_text(stage, scope, name), dag.paths.job(folder, scope, name)
    return Job(
        stage=rule.replace("_", " "),
        scope=scope,
        part=part,
        task=task,
        cells=tuple(cells),
        outputs=tuple(outputs),
        inputs=flat(inputs) if isinstance(inputs, Mapping) else tuple(inputs),
        log=dag.paths.log(*where),
        benchmark=dag.paths.benchmark(*where),
        told=text,
        told_in=told_in,
    )


def flat(inputs: Mapping[str, str | list[str]]) -> tuple[str, ...]:
    """All files that a job reads, whatever their names."""
    found: list[str] = []
    for value in inputs.values():
        found += [value] if isinstance(value, str) else value
    return tuple(found)
