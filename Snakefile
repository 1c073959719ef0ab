# The experiment grid of X-MOD (Pfeiffer et al. 2022) as one DAG.
#
#   snakemake --cores all                                            the embedded default
#   snakemake --cores all --configfile config/paper.yaml --dry-run   the paper's grid
#
# A configuration file is complete in itself: the default is read only where none is given.

import atexit
import gc
import os
import shlex
import signal
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import min_version

sys.path.insert(0, workflow.basedir)

from xmod.dag import PACKAGES_TABLE, Dag
from xmod.failures import failure_summary
from xmod.jobs import code_digest
from xmod.locks import begin_run, now
from xmod.stages import apply

min_version("9.0")

STARTED = now()
# A plan of thousands of jobs is millions of objects and no cycles; looking for those, as often as Python does
# by default, is a seventh of a dry run of config/paper.yaml (snakemake 9.27).
gc.set_threshold(50_000, 20, 50)

if not workflow.configfiles:

    configfile: "config/small.yaml"


try:
    # Only the run itself reads the files again: its jobs are given the configuration that it has.
    FILES = workflow.configfiles if workflow.is_main_process else ()
    RUN = Dag.load(config, origin=", ".join(map(str, workflow.configfiles)), files=FILES)
    RUN.check()
except ValueError as error:
    raise WorkflowError(str(error)) from None

PATHS = RUN.paths
USES_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method

# A grid is planned before its data are there, so what is missing stops only what would read it. It is
# said last, below what Snakemake says of thousands of jobs.
if workflow.output_settings.dryrun and workflow.is_main_process:
    told = "\n".join(f"warning: {message}" for message in RUN.missing_data(uses_conda=USES_CONDA))
    if told:
        atexit.register(print, told, file=sys.stderr)


# Snakemake calls this when it begins to run jobs: not in a dry run, nor in the jobs themselves.
onstart:
    missing = RUN.missing_data(uses_conda=USES_CONDA)
    if missing:
        raise WorkflowError("\n".join(missing))
    try:
        warning = begin_run(Path(PATHS.root))
    except ValueError as error:
        raise WorkflowError(str(error)) from None
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    # Under a limit of jobs a second, which Snakemake has by default, every look at the waiting jobs is
    # followed by another a second later, and every job that ends begins one more such series: after a
    # few hundred jobs that took half a core (snakemake 9.27; its pull request 3744). A limit that
    # somebody sets stays.
    limit = getattr(workflow.scheduling_settings, "max_jobs_per_timespan", None)
    if limit is not None and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


onerror:
    told = failure_summary(
        Path(PATHS.root), since=STARTED, again=shlex.join(["snakemake", *sys.argv[1:]])
    )
    if told:
        print(f"\n{told}", file=sys.stderr)


# Jobs run the Python that runs Snakemake, activated or not, unless conda gives them another one.
# Setting a prefix takes away Snakemake's own, without which `command | tee` hides a failure.
STRICT = "set -euo pipefail"
SEARCH = "$PATH" if USES_CONDA else f"{os.path.dirname(sys.executable)}:$PATH"
# An executor such as Slurm's gives a job its GPUs; all others share those of the machine.
GPUS = "export XMOD_GPUS_ARE_GIVEN=1" if workflow.remote_exec else "unset XMOD_GPUS_ARE_GIVEN"
if workflow.remote_exec:
    # The warning ahead of a time limit is for the job; it would kill the Snakemake around it.
    signal.signal(signal.SIGUSR1, lambda *_: None)
# fairseq has an environment of its own (docs/fairseq.md), which conda makes where it is used.
ENVIRONMENTS = {"torch": "../../envs/xmod.yaml", "fairseq": "../../envs/fairseq.yaml"}
CONDA = f"export XMOD_USES_CONDA={int(USES_CONDA) or str()}"
shell.prefix(
    f"{STRICT}; export PATH={SEARCH} PYTHONPATH={workflow.basedir}; {GPUS}; {CONDA};"
    f" source {workflow.basedir}/workflow/begin.sh; "
)


wildcard_constraints:
    cell="[^/]+",
    scope="[^/]+",
    task="[A-Za-z0-9_-]+",
    figure="[a-z0-9_]+",
    table="[a-z0-9_]+",


include: "workflow/rules/corpora.smk"
include: "workflow/rules/vocabulary.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/released.smk"
include: "workflow/rules/adapters.smk"
include: "workflow/rules/extend.smk"
include: "workflow/rules/perplexity.smk"
include: "workflow/rules/tasks.smk"
include: "workflow/rules/results.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/architecture.smk"


rule all:
    default_target: True
    input:
        RUN.trained(),
        PATHS.summary("metrics.csv"),
        PATHS.summary("curves.csv"),
        PATHS.summary("corpora.csv"),
        [PATHS.page("claims.md")] if RUN.config.claims else [],
        PATHS.page("paper_audit.md"),
        PATHS.figure("captions", "md"),
        expand(
            PATHS.figure("{figure}", "{suffix}"),
            figure=RUN.config.figures,
            suffix=("pdf", "png", "csv"),
        ),
        expand(
            PATHS.table("{table}", "{suffix}"),
            table=RUN.config.tables,
            suffix=("md", "tex", "csv"),
        ),


try:
    apply(
        workflow.rules,
        workflow.resource_settings,
        PATHS,
        distributed=RUN.launch.config,
        is_nested=not workflow.is_main_process,
    )
except ValueError as error:
    raise WorkflowError(str(error)) from None
