"""How pre-training is started: by a number in the configuration, which no result depends on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.test_jobs import loaded
from xmod.config_distributed import DistributedConfig
from xmod.config_errors import ConfigError
from xmod.launch import Launch


def launch(**keys: Any) -> Launch:
    return Launch(DistributedConfig.model_validate(keys))


def test_one_process_is_started_as_such() -> None:
    alone = launch()
    assert alone.command(4) == "python -m xmod.pretrain"
    assert (alone.cores, alone.threads_each(4), alone.resources) == (1, 4, {})


def test_several_on_a_machine_are_started_by_torchrun() -> None:
    four = launch(processes=4)
    assert "torch.distributed.run --standalone --nproc-per-node 4 " in four.command(4)
    assert "SIGUSR1" in four.command(4)
    assert four.command(4).endswith("-m xmod.pretrain --distributed torchrun --module-shards 1")
    assert (four.cores, four.threads_each(4), four.threads_each(9)) == (4, 1, 2)
    assert four.threads_each(2) == 1, "fewer cores than processes"
    assert four.resources == {"nodes": 1}, "not GPUs of several machines"


def test_64_gpus_are_a_number_in_the_configuration() -> None:
    many = launch(processes=64)
    assert many.command(6).startswith("srun --nodes 8 --ntasks 64 --ntasks-per-node 8 ")
    assert " --cpus-per-task=6 " in many.command(6)
    assert " --wait=0 python -m xmod.pretrain --distributed srun" in many.command(6)
    assert many.resources == {"mpi": "srun", "nodes": 8, "tasks_per_node": 8, "tasks_per_gpu": 0}
    assert (many.cores, many.threads_each(6)) == (1, 6)


def test_the_executor_takes_what_is_asked() -> None:
    """`tasks_per_node` above 1 only, and `tasks` else."""
    single = launch(processes=4, processes_per_node=1)
    assert single.resources == {"mpi": "srun", "nodes": 4, "tasks": 4, "tasks_per_gpu": 0}


@pytest.mark.parametrize(
    ("keys", "shards"),
    [
        ({"processes": 4}, 1),
        ({"processes": 4, "module_sharding": "languages"}, 4),
        ({"processes": 64, "module_sharding": "languages"}, 8),
        ({"processes": 64, "module_sharding": "languages", "module_shards": 4}, 4),
    ],
)
def test_modules_are_sharded_within_a_machine(keys: dict[str, Any], shards: int) -> None:
    assert f"--module-shards {shards}" in launch(**keys).command(4)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"processes": 12}, r"processes \(12\) must be a multiple of processes_per_node \(8\)"),
        ({"processes": 4, "module_shards": 2}, "module_shards goes with module_sharding"),
        (
            {"processes": 4, "module_sharding": "languages", "module_shards": 3},
            r"module_shards \(3\) must divide processes \(4\)",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_errors(
    small: dict[str, Any], keys: dict[str, Any], message: str
) -> None:
    small["distributed"] = keys
    with pytest.raises(ConfigError, match=message):
        loaded(small)


def test_no_job_and_no_cell_knows_of_it(small: dict[str, Any]) -> None:
    """So that another number of processes runs nothing again, and resumes what was begun."""
    before = loaded(small)
    small["distributed"] = {"processes": 64, "module_sharding": "languages"}
    after = loaded(small)
    cells = before.stage_ids("pretrain")
    assert cells == after.stage_ids("pretrain")
    for cell in cells:
        assert before.job_text("pretrain", cell, "job") == after.job_text("pretrain", cell, "job")
    assert before.grid_text() == after.grid_text()
