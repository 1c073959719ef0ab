"""Resources and threads by stage: `pretrain` in a profile stands for all rules that pre-train.

Snakemake's `set-resources` and `set-threads` take names of rules, of which a stage has several,
made when the configuration is read (`pretrain_checkpoint_0_5`, `finetune_nli_...`). So the name of
a stage is accepted as well: the first folder of its logs, `finetune`, or with the task,
`finetune/qa`. The narrower name wins, and a rule's own name before all. `retries` may stand there
as well: Snakemake has one number of them for all rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from xmod.config_distributed import DistributedConfig
from xmod.config_errors import ConfigError, suggest
from xmod.paths import Paths

STAGES = (
    *("corpora", "vocabulary", "tokens", "added_vocabulary", "added_tokens"),
    *("import_released", "pretrain", "adapt", "join_adapters", "extend", "perplexity"),
    *("tasks", "baselines", "features", "added_features", "finetune", "evaluate"),
)
"""Those whose jobs run on a cluster; the others take a second and run beside Snakemake."""


class Rule(Protocol):
    """What is needed of Snakemake's rules."""

    name: str
    log: Iterable[str]
    resources: Any
    restart_times: int


class Settings(Protocol):
    """What is needed of Snakemake's settings: both by the name of a rule."""

    _parsed_overwrite_resources: Mapping[str, Mapping[str, Any]]
    _parsed_overwrite_threads: Mapping[str, Any]


def apply(
    rules: Iterable[Rule],
    settings: Settings,
    paths: Paths,
    *,
    distributed: DistributedConfig,
    is_nested: bool,
) -> None:
    """Give each rule what is set for its stage; raises ConfigError for a name of nothing.

    `is_nested`: this Snakemake is one that a job was started with. It is told all that is set, but
    tries its job once: else retries would multiply.

    Snakemake itself has given it what is set for the rule, and says nothing of a name that no rule
    has: a misspelt stage would run a week with a gigabyte of memory.
    """
    rules = list(rules)
    resources, threads = settings._parsed_overwrite_resources, settings._parsed_overwrite_threads
    for kind, given in (("set-resources", resources), ("set-threads", threads)):
        _check(kind, given, rules, paths)
    for rule in rules:
        for name in (*names_of(rule, paths), rule.name):
            rule.resources.update(resources.get(name, {}))
            if name in threads:
                rule.resources["_cores"] = threads[name]
        if "retries" in rule.resources and not is_nested:
            rule.restart_times = int(rule.resources["retries"].value)
        if "threads_each" in rule.resources:  # it starts all processes
            _multiply_gpus(rule, distributed)


def _multiply_gpus(rule: Rule, distributed: DistributedConfig) -> None:
    """What is set is each process's share, so that more processes are one number; executors are
    told the job's, or of several machines each one's: Slurm may deal out a job's unevenly."""
    share = rule.resources["gpu"]
    resource = type(share)
    num_gpus = share.value * distributed.local_processes
    if distributed.num_nodes == 1 or not num_gpus:
        rule.resources["gpu"] = resource("gpu", num_gpus)
        return
    if "gpu_model" in rule.resources:
        raise ConfigError(
            f"gpu_model of {rule.name}: on several machines GPUs are asked for by machine, without "
            "a model; choose the machines by `constraint` or `slurm_partition` instead"
        )
    rule.resources["gpu"] = resource("gpu", 0)  # the executor takes one of the two
    rule.resources["gres"] = resource("gres", f"gpu:{num_gpus}")


def names_of(rule: Rule, paths: Paths) -> Iterator[str]:
    """The stage of a rule, then with its task; none for the rules of no stage."""
    for log in rule.log:
        stage, *rest = log.removeprefix(f"{paths.root}/logs/").split("/")
        if stage in STAGES:
            yield stage
            if len(rest) > 1 and "{" not in rest[0]:
                yield f"{stage}/{rest[0]}"


def _check(kind: str, given: Iterable[str], rules: Iterable[Rule], paths: Paths) -> None:
    legal = set(STAGES)
    for rule in rules:
        legal.update((rule.name, *names_of(rule, paths)))
    for name in given:
        # A profile names the stages of every grid, also tasks that this one does not have.
        if name not in legal and name.partition("/")[0] not in STAGES:
            raise ConfigError(
                f"--{kind} (or {kind} in a profile): {name!r} is no stage and no rule; "
                f"{suggest(name, list(STAGES), hidden=sorted(legal))}"
            )
