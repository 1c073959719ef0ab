"""fairseq made importable, and told what a job says.

fairseq 0.12.2 is the last release, of 2022, and is no longer maintained.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

from xmod.config_training import OptimizerConfig
from xmod.engines.environment import VARIABLE, folder
from xmod.model.task_heads import AnyModel
from xmod.tasks.finetuning import TaskObjective
from xmod.training.objective import Objective
from xmod.training.precision import ActualPrecision

PLUGIN = Path(__file__).parent / "fairseq_plugin"
"""What `--user-dir` names."""


def import_fairseq() -> None:
    """Import fairseq, which Python 3.11 refuses as it is: its settings are defaults of others, and
    nothing tells how to hash them.

    Raises ValueError where it is not installed.
    """
    if importlib.util.find_spec("fairseq") is None:
        raise ValueError(
            "engine: fairseq, but this Python has no fairseq; build its environment with "
            f"`make fairseq-env` and use {folder()}/bin/python, or name another in {VARIABLE}"
        )
    # Its hundreds of settings, and what PyTorch has renamed since: a job's own log is for a person.
    logging.getLogger("fairseq").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="fairseq")
    plain: Callable[..., Any] = dataclasses.dataclass

    def with_hash(cls: type | None = None, /, **options: Any) -> Any:
        def decorate(one: type) -> Any:
            if one.__module__.startswith("fairseq."):
                options.setdefault("unsafe_hash", True)
            return plain(one, **options)

        return decorate if cls is None else decorate(cls)

    dataclasses.dataclass = with_hash
    try:
        importlib.import_module("fairseq.trainer")
    finally:
        dataclasses.dataclass = plain


def build_trainer(
    model: AnyModel,
    *,
    objective: Objective[Any],
    config: OptimizerConfig,
    precision: ActualPrecision,
    peak_learning_rate: float,
    budget_updates: int,
    seed: int,
    device: torch.device,
) -> Any:
    """fairseq's trainer of a model like `model`, with its weights, from its own command line.

    Call `import_fairseq` before.
    """
    from fairseq import options, tasks
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf
    from fairseq.trainer import Trainer

    goal = objective if isinstance(objective, TaskObjective) else None
    arguments = command_line(
        config,
        is_task=goal is not None,
        peak_learning_rate=peak_learning_rate,
        budget_updates=budget_updates,
        seed=seed,
        is_on_cpu=device.type == "cpu",
    )
    with warnings.catch_warnings():  # of hydra: how it was called in 2022
        warnings.simplefilter("ignore")
        settings = convert_namespace_to_omegaconf(
            options.parse_args_and_arch(options.get_training_parser(), arguments)
        )
    task = tasks.setup_task(settings.task)
    task.prepare(model, goal, precision=precision)
    theirs = task.build_model(settings.model)
    trainer = Trainer(settings, task, theirs, task.build_criterion(settings.criterion))
    trainer.save_checkpoint = _raise_again
    trainer.begin_epoch(1)
    return trainer


def _raise_again(_path: str, _state: dict[str, Any]) -> NoReturn:
    """When a step fails, fairseq would first pickle all it has to `checkpoints/crash.pt`, wherever
    the job runs, and then look for what is not finite with hooks that fail in today's PyTorch."""
    error = sys.exception()
    assert error is not None
    raise error


def command_line(
    config: OptimizerConfig,
    *,
    is_task: bool,
    peak_learning_rate: float,
    budget_updates: int,
    seed: int,
    is_on_cpu: bool,
) -> list[str]:
    """What `fairseq-train` would be called with. Adam is fairseq's own, decoupled decay and all."""
    options: dict[str, object] = {
        "user-dir": PLUGIN,
        "task": "xmod_cell",
        "arch": "xmod_cell",
        "criterion": "xmod_task" if is_task else "xmod_masked_lm",
        "optimizer": "adam",
        "adam-betas": (config.adam_beta1, config.adam_beta2),
        "adam-eps": config.adam_epsilon,
        "weight-decay": config.weight_decay,
        "clip-norm": config.clip_norm,
        "lr-scheduler": "xmod_cell",
        "lr": peak_learning_rate,
        "warmup-fraction": config.warmup_fraction,
        "max-update": max(budget_updates, 1),
        "seed": seed,
        "distributed-world-size": 1,
    }
    switches = ["--cpu"] if is_on_cpu else []
    return [f"--{key}={value}" for key, value in options.items()] + switches
