# The experiment grid of X-MOD (Pfeiffer et al. 2022) as one DAG.
#
#   snakemake --cores all                                            the embedded default
#   snakemake --cores all --configfile config/paper.yaml --dry-run   the paper's grid
#
# A configuration file is complete in itself: the default is read only where none is given.

import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import min_version

sys.path.insert(0, workflow.basedir)

from xmod.dag import PACKAGES_TABLE, Dag
from xmod.jobs import code_digest

min_version("9.0")

if not workflow.configfiles:

    configfile: "config/small.yaml"


try:
    RUN = Dag.load(config, origin=", ".join(map(str, workflow.configfiles)))
    RUN.check()
except ValueError as error:
    raise WorkflowError(str(error)) from None

PATHS = RUN.paths

# Jobs run the Python that runs Snakemake, activated or not, unless conda gives them another one.
# Setting a prefix takes away Snakemake's own, without which `command | tee` hides a failure.
STRICT = "set -euo pipefail"
USES_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
SEARCH = "$PATH" if USES_CONDA else f"{os.path.dirname(sys.executable)}:$PATH"
# A scheduler signals every process of a job: the shell and its log wait until the job has saved.
SIGNALS = "trap : TERM USR1; keep_log() {{ (trap '' INT TERM USR1; exec tee \"$1\"); }}"
shell.prefix(f"{STRICT}; {SIGNALS}; export PATH={SEARCH} PYTHONPATH={workflow.basedir}; ")


wildcard_constraints:
    stage="[a-z_]+",
    name="[^/]+",
    cell="[^/]+",
    scope="[^/]+",
    part="job(-[a-z0-9-]+)?",
    figure="[a-z0-9_]+",
    table="[a-z0-9_]+",


include: "workflow/rules/corpora.smk"
include: "workflow/rules/vocabulary.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/extend.smk"
include: "workflow/rules/perplexity.smk"
include: "workflow/rules/results.smk"


rule all:
    default_target: True
    input:
        PATHS.summary("metrics.csv"),
        PATHS.summary("corpora.csv"),
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
