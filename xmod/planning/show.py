"""A plan for a terminal: a few tables of at most 100 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from xmod.planning.epochs import Budget
from xmod.planning.estimate import Plan
from xmod.planning.summary import (
    Sum,
    TrainedCell,
    add_up,
    by_stage,
    on_device,
    stale_roots,
    trained_cells,
)
from xmod.planning.workload import COMPUTING

MOST_STALE = 10
WIDTH = 100


class Clock:
    """Writes times in hours, or in minutes where all is short."""

    def __init__(self, plan: Plan) -> None:
        is_short = add_up(plan.jobs).seconds < 24 * 3600
        self.unit, self._size = ("minutes", 60) if is_short else ("hours", 3600)

    def __call__(self, seconds: float) -> str:
        """As many digits as matter; nothing for 0."""
        number = seconds / self._size
        if number >= 0.1:
            return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"
        return "<0.1" if number else ""


def show(plan: Plan, console: Console, *, all_epochs: bool) -> None:
    """Print the whole plan; with `all_epochs` also every language's epochs."""
    console.print(stage_table(plan))
    for line in stale_lines(plan):
        console.print(line, soft_wrap=True)
    console.print(cell_table(plan))
    console.print(budget_table(plan))
    if all_epochs:
        console.print(epoch_table(plan))
    for line in notes(plan):
        console.print(line, markup=False, highlight=False)
    console.print(total_line(plan), style="bold", markup=False, highlight=False)


def stage_table(plan: Plan) -> Table:
    """A row a stage, and their sum."""
    clock = Clock(plan)
    table = _table(
        f"Stages of {plan.name}; {clock.unit} of the stages with a * are of {plan.device}, "
        "of others of a core"
    )
    table.add_column("stage")
    for name in ("jobs", "done", "stale", "to do", "updates", "tokens", "FLOPs"):
        table.add_column(name, justify="right")
    for name in (clock.unit, "left", "disk"):
        table.add_column(name, justify="right")
    table.add_column("time by")
    for stage, total in by_stage(plan).items():
        mark = "*" if stage in COMPUTING else ""
        table.add_row(f"{stage}{mark}", *_numbers(total, clock), _by(plan, stage))
    table.add_section()
    table.add_row("all", *_numbers(add_up(plan.jobs), clock), "")
    return table


def _numbers(total: Sum, clock: Clock) -> tuple[str, ...]:
    return (
        *(_count(n) for n in (total.num_jobs, total.num_done, total.num_stale, total.num_to_do)),
        *(_magnitude(n) for n in (total.updates, total.tokens)),
        _flops(total.flops),
        clock(total.seconds),
        clock(total.seconds_left),
        _gigabytes(total.disk_gb),
    )


def _by(plan: Plan, stage: str) -> str:
    rate = plan.rates[stage]
    if rate.num_records:
        return f"{rate.num_records} job{'s' if rate.num_records > 1 else ''}"
    return rate.source if len(rate.source) <= len("as perplexity") else "table"


def cell_table(plan: Plan) -> Table:
    """A row a cell that is trained."""
    clock = Clock(plan)
    table = _table("Cells that are pre-trained; after a + the modules of adapters")
    table.add_column("cell", overflow="fold")
    for name in ("state", "lang.", "updates", "tokens", "params", "active", "FLOPs"):
        table.add_column(name, justify="left" if name == "state" else "right")
    for name in (clock.unit, "left", "memory"):
        table.add_column(name, justify="right")
    for one in trained_cells(plan):
        table.add_row(*_cell(one, plan, clock))
    return table


def _cell(one: TrainedCell, plan: Plan, clock: Clock) -> tuple[str, ...]:
    total, counts = one.total, one.parameters
    full = plan.memory_gb is not None and total.memory_gb > plan.memory_gb
    return (
        one.cell.replace("+", "\n+") + (" +" if one.stage == "adapt" else ""),
        one.state,
        str(one.num_languages),
        _magnitude(total.updates),
        _magnitude(total.tokens),
        _magnitude(counts.total) if counts else "",
        _magnitude(counts.active) if counts else "",
        _flops(total.flops),
        clock(total.seconds),
        clock(total.seconds_left),
        f"{_gigabytes(total.memory_gb)}{' !' if full else ''}",
    )


def budget_table(plan: Plan) -> Table:
    """A row a language set and budget: updates, and how often text is seen."""
    table = _table("Budgets: updates as pinned and derived, and epochs of a language's text")
    for name in ("budget", "set"):
        table.add_column(name)
    twice = Counter((one.name, one.language_set) for one in plan.budgets)
    is_counted = any(one.counted is not None for one in plan.budgets)
    counted = ("counted",) if is_counted else ()
    epochs = ("least epochs", "median", "most epochs")
    for name in ("updates", "derived", "differs", *counted, *epochs):
        table.add_column(name, justify="right")
    for one in plan.budgets:
        by_counts = "" if one.counted is None else f"{one.counted:,}"
        table.add_row(
            f"{one.name} {one.other_axes}" if twice[one.name, one.language_set] > 1 else one.name,
            one.language_set,
            f"{one.updates:,}{' pinned' if one.is_pinned else ''}",
            f"{one.derived:,}",
            f"{one.derived / one.updates - 1:+.1%}" if one.is_pinned else "",
            *([by_counts] if is_counted else []),
            f"{one.least} {_epochs(one.epochs[one.least])}",
            _epochs(one.median_epochs),
            f"{one.most} {_epochs(one.epochs[one.most])}",
        )
    return table


def epoch_table(plan: Plan) -> Table:
    """A row a language, a column a set and budget; budgets of equal updates share one."""
    distinct: dict[tuple[str, int], Budget] = {}
    for one in plan.budgets:
        distinct.setdefault((one.language_set, one.updates), one)
    table = _table("Epochs of each language's text, by set and updates")
    table.add_column("language")
    for name, updates in distinct:
        table.add_column(f"{name}\n{_magnitude(updates)}", justify="right")
    isos = dict.fromkeys(iso for one in distinct.values() for iso in one.epochs)
    for iso in isos:
        shown = (one.epochs.get(iso) for one in distinct.values())
        table.add_row(iso, *("" if one is None else _epochs(one) for one in shown))
    return table


def stale_lines(plan: Plan) -> Iterator[str]:
    """Why jobs are stale: a line for each that is by itself, and a count of those that follow."""
    roots = stale_roots(plan)
    for one in roots[:MOST_STALE]:
        yield f"stale: {one.job.stage} {one.job.name}: {'; '.join(one.reasons)}"
    if len(roots) > MOST_STALE:
        yield f"... and {len(roots) - MOST_STALE} more that are stale by themselves (--json)"
    following = sum(one.state == "stale" for one in plan.jobs) - len(roots)
    if following:
        yield f"{following:,} further jobs are stale because they follow one that will change"


def notes(plan: Plan) -> Iterator[str]:
    """What the numbers rest on."""
    if any(plan.rates[stage].source == "table" for stage in plan.rates):
        yield f"{plan.device}: {plan.device_source}."
    for told in plan.assumed:
        yield f"Assumed: {told}."
    if plan.memory_gb and any(one.work.memory_gb > plan.memory_gb for one in plan.jobs):
        yield (
            f"! is more than {plan.device} has: take fewer sequences at a time, as in "
            "--set-resources pretrain:micro_batch_sequences=16."
        )

    yield from _longest(plan)
    if plan.to_fetch and add_up(plan.jobs).num_to_do:
        sizes = [one.num_bytes for one in plan.to_fetch if one.num_bytes is not None]
        unknown = len(plan.to_fetch) - len(sizes)
        yield (
            f"To fetch first: {len(plan.to_fetch):,} files, {_gigabytes(sum(sizes) / 1e9)}"
            f"{f', and {unknown} of unknown size' if unknown else ''}; on disk beside the rest."
        )


def _longest(plan: Plan) -> Iterator[str]:
    """What no further jobs at once make shorter."""
    left = [one for one in plan.jobs if one.job.stage in COMPUTING and one.seconds_left]
    if not left:
        return
    longest = max(left, key=lambda one: one.seconds_left / one.num_processes)
    clock, number = Clock(plan), longest.num_processes
    told = f"{clock(longest.seconds_left)} {clock.unit} of {plan.device}"
    if longest.job.stage == "pretrain":
        told += (
            f", on {number} of them {clock(longest.seconds_left / number)} at best"
            if number > 1
            else "; on N of them (distributed.processes: N) an Nth of that at best"
        )
    yield f"The longest job: {longest.job.stage} {longest.job.name}, {told}."


def total_line(plan: Plan) -> str:
    """The plan in a sentence."""
    clock = Clock(plan)
    total = add_up(plan.jobs)
    computing, other = on_device(plan, computing=True), on_device(plan, computing=False)
    return (
        f"Total: {total.num_jobs:,} jobs, {total.num_done:,} done, {total.num_stale:,} stale, "
        f"{total.num_to_do:,} to do. Left: {clock(computing.seconds_left) or 'no'} {clock.unit} of "
        f"{plan.device}, {clock(other.seconds_left) or 'no'} of a core; of all: "
        f"{clock(computing.seconds) or 'no'} and {clock(other.seconds) or 'no'}, "
        f"{computing.flops:.2e} FLOPs, {_gigabytes(total.disk_gb)} on disk at the end."
    )


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0)
    )


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _magnitude(number: float) -> str:
    """1234567 -> `1.23M`, 12345678 -> `12.3M`, 1234 -> `1,234`; nothing for 0."""
    for size, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= max(size, 1e4):
            return f"{_three_digits(number / size)}{name}"
    return f"{number:,.0f}" if number else ""


def _three_digits(number: float) -> str:
    """1.234 -> `1.23`, 123.4 -> `123`, 125.0 -> `125`, 1.0 -> `1`."""
    text = f"{number:.2f}" if number < 10 else f"{number:.1f}" if number < 100 else f"{number:.0f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _flops(number: float) -> str:
    """1.23e20; nothing for 0."""
    return f"{number:.1e}".replace("e+", "e") if number else ""


def _gigabytes(number: float) -> str:
    if number >= 1000:
        return f"{number / 1000:.1f} TB"
    if number >= 1:
        return f"{number:.0f} GB"
    return f"{number * 1000:.0f} MB" if number >= 0.0005 else ""


def _epochs(number: float) -> str:
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"
