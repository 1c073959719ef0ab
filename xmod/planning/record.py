"""A plan as plain data, for programs: everything that the tables are made of, job by job."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from xmod.planning.estimate import Plan, PlannedJob
from xmod.planning.summary import Sum, add_up, by_cell, by_stage, on_device, trained_cells


def as_record(plan: Plan) -> dict[str, Any]:
    """Times are in seconds, disk and memory in GB (10^9 bytes)."""
    return {
        "name": plan.name,
        "device": plan.device,
        "device_source": plan.device_source,
        "device_memory_gb": plan.memory_gb,
        "assumed": list(plan.assumed),
        "to_fetch": [asdict(one) for one in plan.to_fetch],
        "total": _sum(add_up(plan.jobs)),
        "on_device": _sum(on_device(plan, computing=True)),
        "on_cores": _sum(on_device(plan, computing=False)),
        "stages": {
            stage: {**_sum(total), "rate": asdict(plan.rates[stage])}
            for stage, total in by_stage(plan).items()
        },
        "trained_cells": [
            {
                "stage": one.stage,
                "cell": one.cell,
                "state": one.state,
                "num_languages": one.num_languages,
                "parameters": one.parameters._asdict() if one.parameters else None,
                **_sum(one.total),
            }
            for one in trained_cells(plan)
        ],
        "cells": {
            cell: {stage: _sum(total) for stage, total in stages.items()}
            for cell, stages in by_cell(plan).items()
        },
        "budgets": [asdict(one) for one in plan.budgets],
        "jobs": [_job(one) for one in plan.jobs],
    }


def _sum(total: Sum) -> dict[str, Any]:
    return {**asdict(total), "num_to_do": total.num_to_do}


def _job(one: PlannedJob) -> dict[str, Any]:
    work = one.work
    return {
        "stage": one.job.stage,
        "name": one.job.name,
        "cells": list(one.job.cells),
        "state": one.state,
        "reasons": list(one.reasons),
        "share_done": one.share_done,
        "updates": work.updates,
        "tokens": work.tokens,
        "flops": work.flops,
        "megabytes": work.megabytes,
        "examples": work.examples,
        "seconds": one.seconds,
        "seconds_left": one.seconds_left,
        "num_processes": one.num_processes,
        "disk_gb": work.disk_gb,
        "memory_gb": work.memory_gb,
        "parameters": work.parameters._asdict() if work.parameters else None,
    }
