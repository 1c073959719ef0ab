"""Times that follow from finished jobs, and the choice of what they are told from."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from xmod.config_errors import ConfigError
from xmod.planning.costs import Costs, read_costs
from xmod.planning.estimate import Speed, choose_device, rates
from xmod.planning.rates import measured
from xmod.planning.records import Record
from xmod.planning.work import Work

ROOT = Path(__file__).parents[3]


@pytest.fixture
def costs() -> Costs:
    return read_costs(ROOT / "config/costs.yaml")


def record(amount: float, seconds: float, *, num_pieces: float = 1, device: str = "cpu") -> Record:
    return Record(amount=amount, num_pieces=num_pieces, seconds=seconds, device=device)


def test_one_job_gives_the_time_of_a_unit() -> None:
    rate = measured([record(200.0, 50.0)])
    assert (rate.per_amount, rate.per_piece) == (0.25, 0.0)
    assert rate.seconds(Work(flops=1000.0)) == 250.0


def test_start_and_work_are_told_apart() -> None:
    """3 seconds to begin, and 0.5 a unit."""
    records = [record(n, 3 * pieces + n / 2, num_pieces=pieces)
               for n, pieces in ((10, 1), (20, 1), (40, 2), (400, 1))]  # fmt: skip
    rate = measured(records)
    assert rate.per_amount == pytest.approx(0.5)
    assert rate.per_piece == pytest.approx(3.0)
    assert rate.num_records == 4


def test_neither_part_is_negative_and_the_sum_is_met() -> None:
    """Without an amount the pieces tell; where more work took less, no job takes negative time."""
    assert measured([record(0.0, 4.0, num_pieces=2)]).seconds(Work(num_pieces=3)) == 6.0
    falling = [record(1.0, 9.0), record(2.0, 6.0), record(3.0, 3.0), record(4.0, 2.0)]
    rate = measured(falling)
    assert min(rate.per_amount, rate.per_piece) >= 0
    assert sum(rate.seconds(Work(flops=one.amount)) for one in falling) == pytest.approx(20.0)
    with pytest.raises(ValueError, match="no finished job"):
        measured([])


@pytest.mark.parametrize("seed", range(5))
def test_jobs_of_equal_work_tell_of_twice_the_work_twice_the_time(seed: int) -> None:
    """Chance must not tell that most of it is the time to begin."""
    draw = random.Random(seed)
    alike = [1e20 * draw.uniform(0.94, 1.0) for _ in range(8)]
    rate = measured([record(one, 9e5 * draw.uniform(0.95, 1.05)) for one in alike])
    assert rate.seconds(Work(flops=2e20)) == pytest.approx(1.8e6, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_half_of_the_jobs_tell_of_the_other_half(seed: int) -> None:
    """Jobs whose times are off by up to 30% each; the sum of the others within 25%."""
    draw = random.Random(seed)
    jobs = [10 ** draw.uniform(11, 13) for _ in range(24)]
    seconds = [(2.5 + one * 3e-11) * draw.uniform(0.7, 1.3) for one in jobs]
    rate = measured([record(a, s) for a, s in zip(jobs[::2], seconds[::2], strict=True)])
    predicted = sum(rate.seconds(Work(flops=one)) for one in jobs[1::2])
    assert predicted == pytest.approx(sum(seconds[1::2]), rel=0.25)


def test_the_device_is_that_of_the_finished_jobs(costs: Costs) -> None:
    done = {"extend": [record(1, 1, device="NVIDIA A100-SXM4-40GB")]}
    assert choose_device(costs, {}, None)[0] == "A100-80GB"
    assert choose_device(costs, done, None)[0] == "A100-40GB"
    assert choose_device(costs, done, "H100")[0] == "H100"
    unknown = {"pretrain": [record(1, 1, device="NVIDIA GeForce")]}
    assert choose_device(costs, unknown, None) == ("NVIDIA GeForce", None)
    with pytest.raises(ConfigError, match=r"--device: 'H10' is not in the table.* H100, .*--costs"):
        choose_device(costs, {}, "H10")


STAGES = ("corpora", "pretrain", "extend", "figures")


def test_finished_jobs_tell_first_then_other_stages_then_the_table(costs: Costs) -> None:
    speed = Speed(device="cpu", table=costs.device("cpu"), flops_per_second=None)
    assumed = rates(STAGES, {}, costs, speed)
    assert assumed["pretrain"].per_amount == pytest.approx(1 / 0.251e12)
    assert assumed["corpora"].per_amount == 1 / 5.5
    assert assumed["figures"].seconds(Work()) == costs.other_seconds
    told = rates(STAGES, {"pretrain": [record(100.0, 50.0)]}, costs, speed)
    assert told["pretrain"].per_amount == 0.5
    assert told["pretrain"].source == "measured, 1 job"
    assert (told["extend"].per_amount, told["extend"].source) == (0.5, "as pretrain")


def test_another_devices_jobs_tell_nothing_of_this_one(costs: Costs) -> None:
    speed = Speed(device="H100", table=costs.device("H100"), flops_per_second=None)
    told = rates(STAGES, {"pretrain": [record(100.0, 50.0)]}, costs, speed)
    assert told["pretrain"].source == told["extend"].source == "table"
    mine = Speed(device="H100", table=costs.device("H100"), flops_per_second=2e14)
    assert rates(STAGES, {}, costs, mine)["extend"].per_amount == 1 / 2e14


def test_a_table_is_checked(tmp_path: Path) -> None:
    text = (ROOT / "config/costs.yaml").read_text(encoding="utf-8")
    path = tmp_path / "costs.yaml"
    path.write_text(text.replace("    tflops: 0.251\n", "    speed: 0.251\n"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"costs\.yaml.*devices\.cpu"):
        read_costs(path)
