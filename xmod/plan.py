"""What a run will cost, before a job is submitted: `python -m xmod.plan --configfile FILE`.

Shows by stage and cell which jobs are done, stale and to do, and their updates, tokens,
parameters, arithmetic, time, memory and disk. It reads files only: no job is run, and nothing
of the run is written. Times are told from the run's own finished jobs where there are any, else
from the table of devices (config/costs.yaml). docs/plan.md says what each number is.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from xmod.analysis.report.notes import Notes
from xmod.analysis.report.state import Judge
from xmod.command import run
from xmod.dag import Dag
from xmod.expected_jobs import expected_jobs
from xmod.files import write_text_atomic
from xmod.planning.costs import read_costs
from xmod.planning.estimate import Plan, assemble
from xmod.planning.facts import Facts
from xmod.planning.record import as_record
from xmod.planning.show import WIDTH, show
from xmod.planning.work import Scene
from xmod.strict_yaml import read_yaml

COSTS = Path("config/costs.yaml")
BEGIN, END = "<!-- plan -->", "<!-- end of plan -->"
"""In a page, what the plan is written between."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    plan = plan_of(options)
    if options.json:
        print(json.dumps(as_record(plan), indent=1))
        return
    if options.page:
        write_text_atomic(options.page, with_plan(options.page.read_text("utf-8"), plan, options))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    show(plan, console, all_epochs=options.epochs)


def with_plan(page: str, plan: Plan, options: argparse.Namespace) -> str:
    """A page with the tables between its marks; raises ValueError for one without marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{options.page} lacks {BEGIN} or {END}, between which the plan goes")
    console = Console(width=WIDTH, file=io.StringIO())
    with console.capture() as capture:
        show(plan, console, all_epochs=options.epochs)
    lines = "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())
    return f"{before}{begin}\n```text\n{lines}\n```\n{end}{after}"


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan, as the files are now; raises ConfigError as the run itself would."""
    dag = Dag.load(read_yaml(options.configfile), origin=str(options.configfile))
    dag.check()
    costs = read_costs(options.costs)
    judged = Judge(expected_jobs(dag), Notes(options.snakemake), now=time.time()).judge_all()
    scene = Scene(
        dag=dag,
        facts=Facts(dag, costs),
        micro_batch_sequences=options.micro_batch_sequences,
    )
    return assemble(
        scene, judged, costs, device=options.device, tokens_per_second=options.tokens_per_second
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.plan", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--configfile", "--config", type=Path, required=True, help="that of the run"
    )
    parser.add_argument(
        "--device",
        help="a name of the table; by itself that of the finished jobs, or A100-80GB",
    )
    parser.add_argument(
        "--tokens-per-second",
        type=_positive,
        help="what you measured in pre-training this configuration on one device",
    )
    parser.add_argument("--costs", type=Path, default=COSTS, help="the table of devices")
    parser.add_argument(
        "--micro-batch-sequences",
        type=_count,
        default=64,
        help="as the rules are told; decides the memory of a device",
    )
    parser.add_argument("--epochs", action="store_true", help="also every language's epochs")
    parser.add_argument("--page", type=Path, help="write it into this page, between its marks")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    parser.add_argument(
        "--snakemake",
        type=Path,
        default=Path(".snakemake"),
        help="the folder of Snakemake's notes, which say what is running",
    )
    return parser


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; legal: a number above 0")
    return number


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; legal: 1, 2, 3 ...")
    return int(text)


if __name__ == "__main__":
    run(main)
