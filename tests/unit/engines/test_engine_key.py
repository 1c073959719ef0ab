"""`engine`: a key like others, that is not there while it is at its default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.small_tasks import with_tasks
from xmod.config import parse
from xmod.config_errors import ConfigError
from xmod.dag import Dag
from xmod.engines.environment import VARIABLE, interpreter, missing_environment

ROOT = Path(__file__).parents[3]
AXES = {"variant": ["xmod"], "language_set": ["13"], "budget": ["equal_steps"]}


def grid(small: dict[str, Any], *, engines: list[str] | None = None, **keys: Any) -> Dag:
    axes = AXES | ({"engine": engines} if engines else {})
    experiments = {"main": {"axes": axes}}
    shown = {"experiments": experiments, "figures": [], "tables": []}
    return Dag.load(small | keys | shown, origin="my.yaml")


def test_at_its_default_it_is_in_no_id_and_no_job(small: dict[str, Any]) -> None:
    for dag in (grid(small), grid(small, engine="torch"), grid(small, engines=["torch"])):
        (cell,) = dag.grid.cells
        assert "engine" not in cell.id
        assert "engine" not in dag.job_text("pretrain", cell.id, "job")
        assert [one.name for one in dag.models.pretrainings] == ["pretrain"]


def test_as_an_axis_it_makes_a_cell_and_a_rule_of_its_own(small: dict[str, Any]) -> None:
    dag = grid(small, engines=["torch", "fairseq"])
    ours, theirs = (cell.id for cell in dag.grid.cells)
    assert theirs == f"{ours}+engine=fairseq"
    assert '"engine": "fairseq"' in dag.job_text("pretrain", theirs, "job")
    assert "engine" not in dag.job_text("pretrain", ours, "job")
    found = [(one.engine, one.name, one.cells) for one in dag.models.pretrainings]
    assert found == [
        ("torch", "pretrain", (ours,)),
        ("fairseq", "pretrain_fairseq", (theirs,)),
    ]


def test_fine_tuning_goes_by_the_engine_of_the_cell(small: dict[str, Any]) -> None:
    raw = with_tasks(small)
    only_torch = Dag.load(raw, origin="my.yaml")
    task = next(iter(only_torch.tasks.cells))
    assert {engine for engine, _, _ in only_torch.tasks.finetunings(task)} == {"torch"}
    raw["experiments"]["main"]["axes"]["engine"] = ["torch", "fairseq"]
    dag = Dag.load(raw, origin="my.yaml")
    (ours, batch, rule), (theirs, same, their_rule), *_ = dag.tasks.finetunings(task)
    assert (ours, rule) == ("torch", f"finetune_{task}_{batch.name}")
    assert (theirs, their_rule) == ("fairseq", f"finetune_fairseq_{task}_{same.name}")
    assert batch == same
    patterns = [dag.tasks.finetuned_by(engine, task) for engine in (ours, theirs)]
    assert ["engine=fairseq" in pattern for pattern in patterns] == [False, True]


def test_a_missing_environment_is_told_where_it_is_needed(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    assert grid(small).missing_data() == []
    dag = grid(small, engines=["torch", "fairseq"])
    (told,) = dag.missing_data()
    assert "make fairseq-env" in told
    assert str(tmp_path / "nowhere") in told
    assert dag.missing_data(uses_conda=True) == []


def test_an_environment_is_found_by_its_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert missing_environment()
    interpreter().parent.mkdir()
    interpreter().touch()
    assert missing_environment() == ""


@pytest.mark.parametrize("bottleneck", [21, 32])
def test_fairseq_takes_a_whole_part_of_the_width(small: dict[str, Any], bottleneck: int) -> None:
    """Rounded down, as fairseq does it: 64 // 3 is 21."""
    small["model"] = small["model"] | {"bottleneck": bottleneck}
    model = parse(small | {"engine": "fairseq"}, origin="my.yaml").model
    assert model.width // model.reduction() == bottleneck


@pytest.mark.parametrize("bottleneck", [30, 128])
def test_fairseq_takes_no_other_bottleneck(small: dict[str, Any], bottleneck: int) -> None:
    small["model"] = small["model"] | {"bottleneck": bottleneck}
    parse(small, origin="my.yaml")
    told = rf"model\.bottleneck \({bottleneck}\) is not model\.width \(64\) divided"
    with pytest.raises(ConfigError, match=told):
        parse(small | {"engine": "fairseq"}, origin="my.yaml")


def test_fairseq_trains_in_one_process(small: dict[str, Any]) -> None:
    small["distributed"] = {"processes": 64}
    assert grid(small).config.distributed.processes == 64
    told = "engine: fairseq trains in one process; distributed.processes is 64, legal: 1"
    for keys in ({"engine": "fairseq"}, {"engines": ["torch", "fairseq"]}):
        with pytest.raises(ConfigError, match=told):
            grid(small, **keys)


def test_both_ways_to_make_the_environment_have_the_same_versions() -> None:
    lines = (ROOT / "envs/fairseq-requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    conda = yaml.safe_load((ROOT / "envs/fairseq.yaml").read_text(encoding="utf-8"))
    assert conda["dependencies"][-1]["pip"] == wanted
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    ours = dict(line.split("==") for line in pinned if "==" in line)
    for name, version in (line.split("==") for line in wanted):
        assert ours.get(name, version) == version, f"{name}: both engines compute with one version"
