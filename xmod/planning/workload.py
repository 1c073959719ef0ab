"""Which work a job of each stage has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xmod.analysis.report.state import Job
from xmod.planning import model_work, task_work, text_work
from xmod.planning.work import Scene, Work

BY_STAGE: Mapping[str, Callable[[Scene, Job], Work]] = {
    "corpora": text_work.corpora,
    "vocabulary": text_work.vocabulary,
    "tokens": text_work.tokens,
    "added vocabulary": text_work.added_vocabulary,
    "added tokens": text_work.added_tokens,
    "pretrain": model_work.pretrain,
    "adapt": model_work.adapt,
    "join adapters": model_work.join,
    "extend": model_work.extend,
    "perplexity": model_work.perplexity,
    "tasks": task_work.data,
    "baselines": task_work.data,
    "features": task_work.data,
    "added features": task_work.added_features,
    "finetune": task_work.finetune,
    "evaluate": task_work.evaluate,
}
"""Other stages compute too little to be counted, and are of jobs of a fixed time."""
COMPUTING = ("pretrain", "adapt", "extend", "perplexity", "finetune", "evaluate")
"""The stages that compute on a model, on a GPU where there is one."""

IN_WORKERS = ("corpora", "tokens", "added tokens")
"""The stages whose jobs have `jobs.workers` cores each."""


def work_of(run: Scene, job: Job) -> Work:
    """Of one job of the run."""
    make = BY_STAGE.get(job.stage)
    return make(run, job) if make else Work()
