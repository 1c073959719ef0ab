"""The plan of a run: every job with its state, its work, and the time that it takes or took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xmod.analysis.report.state import Job, Judged, State
from xmod.config_errors import ConfigError
from xmod.planning.costs import Costs, Device
from xmod.planning.epochs import Budget, budgets
from xmod.planning.rates import Rate, measured
from xmod.planning.records import Progress, Record, Taken, progress, taken
from xmod.planning.work import Scene, Work
from xmod.planning.workload import COMPUTING, IN_WORKERS, work_of
from xmod.source_dag import Download

DEFAULT_DEVICE = "A100-80GB"


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A job, what it has to do, and how long that takes."""

    job: Job
    state: State
    reasons: tuple[str, ...]
    only_follows: bool
    work: Work
    share_done: float
    """1 for a job that is done; of a pre-training that is under way the share of its updates."""
    seconds: float
    """Of one device or core, for all of it: what it took where it is done, else an estimate."""
    num_processes: int
    """Devices that share a pre-training; else 1."""

    @property
    def seconds_left(self) -> float:
        return self.seconds * (1 - self.share_done)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run, planned."""

    name: str
    device: str
    """What computes; a name of the table, or as manifests have it."""
    device_source: str
    memory_gb: float | None
    """That the device has, where it is known."""
    jobs: tuple[PlannedJob, ...]
    rates: Mapping[str, Rate]
    """Stage -> how its time is told."""
    budgets: tuple[Budget, ...]
    assumed: tuple[str, ...]
    """What stands in for what is not known yet."""
    to_fetch: tuple[Download, ...]
    """Published files that are not there yet."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What stages that nothing was measured of are taken to do."""

    device: str
    table: Device | None
    flops_per_second: float | None
    """Measured by a person; in place of the table's."""


def choose_device(
    costs: Costs, records: Mapping[str, Sequence[Record]], wanted: str | None
) -> tuple[str, Device | None]:
    """The device that is asked for; else that of the finished jobs, else the default.

    None in place of the device where jobs ran on one that the table does not have.
    """
    if wanted is not None:
        return wanted, costs.device(wanted)
    names = [one.device for stage in COMPUTING for one in records.get(stage, ()) if one.device]
    if not names:
        return DEFAULT_DEVICE, costs.device(DEFAULT_DEVICE)
    known = costs.device_called(names)
    return (known, costs.devices[known]) if known else (names[0], None)


def records_of(
    run: Scene, judged: Iterable[Judged], works: Mapping[Job, Work]
) -> dict[str, list[Record]]:
    """Stage -> what its finished jobs took, and pre-trainings that are under way."""
    found: dict[str, list[Record]] = {}
    for one in judged:
        if record := _record(run, one, works[one.job]):
            found.setdefault(one.job.stage, []).append(record)
    return found


def _record(run: Scene, judged: Judged, work: Work) -> Record | None:
    if judged.state == "done" and (took := _taken(run, judged.job)):
        return Record(
            amount=work.amount,
            num_pieces=work.num_pieces,
            seconds=took.seconds,
            device=took.device,
        )
    if now := _under_way(run, judged):
        share = now.updates / work.updates
        return Record(amount=share * work.amount, num_pieces=share, seconds=now.seconds, device="")
    return None


def share_done(run: Scene, judged: Judged, work: Work) -> float:
    """Of a job: all, nothing, or as much as a pre-training's history says."""
    if judged.state == "done":
        return 1.0
    now = _under_way(run, judged)
    return min(now.updates / work.updates, 1.0) if now else 0.0


def _under_way(run: Scene, judged: Judged) -> Progress | None:
    """How far a pre-training is that runs or was interrupted."""
    if judged.job.stage != "pretrain" or judged.state not in ("running", "failed"):
        return None
    return progress(run.dag.paths, judged.job, num_processes=_num_processes(run, judged.job))


def _num_processes(run: Scene, job: Job) -> int:
    if job.stage != "pretrain":
        return 1
    config = run.dag.grid.configs[job.cells[0]]
    return config.distributed.processes if config.engine == "torch" else 1


def _taken(run: Scene, job: Job) -> Taken | None:
    """What a finished job took."""
    is_in_workers = job.stage in IN_WORKERS
    return taken(job, num_workers=run.dag.config.jobs.workers if is_in_workers else 1)


def rates(
    stages: Iterable[str],
    records: Mapping[str, Sequence[Record]],
    costs: Costs,
    speed: Speed,
) -> dict[str, Rate]:
    """How long jobs of each stage take.

    By its own finished jobs; of what computes those on this device, then by the other computing
    stages' jobs, then by a person's measurement or the table.
    """
    usable = {
        stage: [one for one in records.get(stage, ()) if _is_on(one, stage, speed)]
        for stage in stages
    }
    found: dict[str, Rate] = {}
    for stage, own in usable.items():
        if own:
            found[stage] = measured(own)
        elif stage in COMPUTING:
            found[stage] = _of_others(usable, costs) or _computing_rate(costs, speed)
        elif stage in costs.stages:
            table = costs.stages[stage]
            found[stage] = Rate(
                per_amount=1 / table.amount_per_second,
                per_piece=costs.start_seconds,
                source=table.source,
            )
        else:
            found[stage] = Rate(per_amount=0.0, per_piece=costs.other_seconds, source="assumed")
    return found


def _is_on(record: Record, stage: str, speed: Speed) -> bool:
    """Whether a job says something of the device; of one under way no manifest says where."""
    if stage not in COMPUTING or not record.device:
        return True
    return speed.table.is_called(record.device) if speed.table else record.device == speed.device


def _of_others(usable: Mapping[str, Sequence[Record]], costs: Costs) -> Rate | None:
    """What a computing stage takes where others were measured: the same for an operation."""
    for stage in COMPUTING:
        done = usable.get(stage, ())
        flops = sum(one.amount for one in done)
        if flops:
            return Rate(
                per_amount=sum(one.seconds for one in done) / flops,
                per_piece=costs.start_seconds,
                source=f"as {stage}",
            )
    return None


def _computing_rate(costs: Costs, speed: Speed) -> Rate:
    if speed.flops_per_second is not None:
        return Rate(
            per_amount=1 / speed.flops_per_second, per_piece=costs.start_seconds, source="yours"
        )
    assert speed.table is not None, "a device that is not in the table has finished jobs"
    return Rate(
        per_amount=1 / speed.table.flops_per_second, per_piece=costs.start_seconds, source="table"
    )


def assemble(
    run: Scene,
    judged: Sequence[Judged],
    costs: Costs,
    *,
    device: str | None,
    tokens_per_second: float | None,
) -> Plan:
    """The whole plan, as the files are now.

    `device` is a name of the table. `tokens_per_second` are those that a person measured in
    pre-training this configuration on it. Raises ConfigError for an unknown device.
    """
    works = {one.job: work_of(run, one.job) for one in judged}
    records = records_of(run, judged, works)
    name, table = choose_device(costs, records, device)
    speed = Speed(
        device=name,
        table=table,
        flops_per_second=tokens_per_second and tokens_per_second * _flops_per_token(works),
    )
    stages = dict.fromkeys(one.job.stage for one in judged)
    rate_of = rates(stages, records, costs, speed)
    return Plan(
        name=run.dag.config.name,
        device=name,
        device_source=table.told if table else "that of the finished jobs",
        memory_gb=table.memory_gb if table else None,
        jobs=tuple(_planned(run, one, works[one.job], rate_of[one.job.stage]) for one in judged),
        rates=rate_of,
        budgets=budgets(run.dag, run.facts),
        assumed=tuple(run.facts.assumed.values()),
        to_fetch=tuple(run.dag.sources.to_fetch()),
    )


def _flops_per_token(works: Mapping[Job, Work]) -> float:
    """Of pre-training, on average over the run's cells."""
    pretraining = [work for job, work in works.items() if job.stage == "pretrain"]
    tokens = sum(work.tokens for work in pretraining)
    if not tokens:
        raise ConfigError("--tokens-per-second: the configuration pre-trains no cell; leave it out")
    return sum(work.flops for work in pretraining) / tokens


def _planned(run: Scene, judged: Judged, work: Work, rate: Rate) -> PlannedJob:
    took = _taken(run, judged.job) if judged.state == "done" else None
    return PlannedJob(
        job=judged.job,
        state=judged.state,
        reasons=judged.reasons,
        only_follows=judged.only_follows,
        work=work,
        share_done=share_done(run, judged, work),
        seconds=took.seconds if took else rate.seconds(work),
        num_processes=_num_processes(run, judged.job),
    )
