"""Resources by stage: every rule has one, the narrower name wins, a misspelt one stops a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.resources import Resource

from tests.unit.test_jobs import loaded
from xmod.config_distributed import DistributedConfig
from xmod.config_errors import ConfigError
from xmod.expected_jobs import expected_jobs
from xmod.paths import Paths
from xmod.stages import STAGES, apply, names_of

ROOT = Path(__file__).parents[2]
PATHS = Paths("results/small")
ALONE = DistributedConfig()


@dataclass
class Rule:
    name: str
    log: list[str]
    resources: dict[str, Any] = field(default_factory=lambda: {"mem_mb": 1, "_cores": 1})
    restart_times: int = 4

    @classmethod
    def pretraining(cls, name: str) -> Rule:
        found = cls(name, [PATHS.log("pretrain", "{cell}")])
        found.resources |= {"gpu": Resource("gpu", 0), "threads_each": 1}
        return found


def rules() -> dict[str, Rule]:
    return {
        "pretrain": Rule.pretraining("pretrain"),
        "half": Rule.pretraining("pretrain_checkpoint_0_5"),
        "nli": Rule("finetune_nli_seed-1", [PATHS.log("finetune", "nli", "{cell}", "seed-1")]),
        "qa": Rule("finetune_qa_seed-1", [PATHS.log("finetune", "qa", "{cell}", "seed-1")]),
        "aggregate": Rule("aggregate", [PATHS.log("aggregate")]),
        "all": Rule("all", []),
    }


def settings(resources: Mapping[str, Any], threads: Mapping[str, int] | None = None) -> Any:
    return SimpleNamespace(
        _parsed_overwrite_resources=resources, _parsed_overwrite_threads=threads or {}
    )


def test_a_stage_stands_for_all_its_rules() -> None:
    found = rules()
    apply(
        found.values(),
        settings({"pretrain": {"mem_mb": 9}}, {"finetune": 4}),
        PATHS,
        distributed=ALONE,
        is_nested=False,
    )
    assert found["pretrain"].resources["mem_mb"] == found["half"].resources["mem_mb"] == 9
    assert found["nli"].resources == {"mem_mb": 1, "_cores": 4}
    assert found["aggregate"].resources == {"mem_mb": 1, "_cores": 1}


def test_gpus_are_each_processs_share() -> None:
    found = rules()
    given = settings({"pretrain": {"gpu": Resource("gpu", 1)}, "finetune": {"gpu": 1}})
    apply(found.values(), given, PATHS, distributed=DistributedConfig(processes=4), is_nested=False)
    assert found["pretrain"].resources["gpu"] == found["half"].resources["gpu"] == 4
    assert found["nli"].resources["gpu"] == 1, "of one process"


def test_of_several_machines_each_has_as_many_gpus() -> None:
    found = rules()
    given = {"gpu": Resource("gpu", 1)}
    many = DistributedConfig(processes=64)
    apply(found.values(), settings({"pretrain": given}), PATHS, distributed=many, is_nested=False)
    assert found["pretrain"].resources["gres"] == found["half"].resources["gres"] == "gpu:8"
    assert found["pretrain"].resources["gpu"] == 0, "the executor takes one of the two"
    found = rules()
    apply(found.values(), settings({}), PATHS, distributed=many, is_nested=False)
    assert "gres" not in found["pretrain"].resources, "on processors"
    given["gpu_model"] = Resource("gpu_model", "a100")
    with pytest.raises(ConfigError, match=r"gpu_model of pretrain: .*constraint"):
        apply(
            rules().values(),
            settings({"pretrain": given}),
            PATHS,
            distributed=many,
            is_nested=False,
        )


def test_a_stage_may_have_retries_of_its_own() -> None:
    found = rules()
    given = settings({"pretrain": {"retries": Resource("retries", 30)}})
    apply(found.values(), given, PATHS, distributed=ALONE, is_nested=False)
    assert found["pretrain"].restart_times == found["half"].restart_times == 30
    assert found["nli"].restart_times == 4


@pytest.mark.parametrize(("mode", "tries"), [("default", 3), ("remote", 1)])
def test_snakemake_tries_so_often(tmp_path: Path, mode: str, tries: int) -> None:
    """A rule of the stage that always fails, and notes each try; `remote` is what a job starts."""
    (tmp_path / "Snakefile").write_text(
        "from xmod.config_distributed import DistributedConfig\n"
        "from xmod.paths import Paths\n"
        "from xmod.stages import apply\n"
        "rule fails:\n"
        "    output: 'made'\n"
        "    log: 'results/small/logs/pretrain/a.log'\n"
        "    shell: 'echo once >> tries; exit 1'\n"
        "apply(workflow.rules, workflow.resource_settings, Paths('results/small'),"
        " distributed=DistributedConfig(), is_nested=not workflow.is_main_process)\n",
        encoding="utf-8",
    )
    call = ["--cores", "1", "--mode", mode, "--set-resources", "pretrain:retries=2", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *call],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    noted = (tmp_path / "tries").read_text(encoding="utf-8").split()
    assert noted == ["once"] * tries, done.stderr


def test_the_narrower_name_wins() -> None:
    found = rules()
    given = {
        "finetune_qa_seed-1": {"device": "cpu"},
        "finetune/qa": {"mem_mb": 7, "device": "cuda"},
        "finetune": {"mem_mb": 5, "runtime": 60},
    }
    apply(found.values(), settings(given), PATHS, distributed=ALONE, is_nested=False)
    qa = {"mem_mb": 7, "runtime": 60, "device": "cpu", "_cores": 1}
    assert found["qa"].resources == qa
    assert found["nli"].resources == {"mem_mb": 5, "runtime": 60, "_cores": 1}


def test_a_name_of_nothing_stops_the_run() -> None:
    with pytest.raises(ConfigError, match=r"'pretrian' is no stage and no rule; .*'pretrain'\?"):
        apply(
            rules().values(),
            settings({"pretrian": {"mem_mb": 9}}),
            PATHS,
            distributed=ALONE,
            is_nested=False,
        )
    with pytest.raises(ConfigError, match=r"--set-threads .*'all_of_it'"):
        apply(
            rules().values(),
            settings({}, {"all_of_it": 4}),
            PATHS,
            distributed=ALONE,
            is_nested=False,
        )
    apply(
        rules().values(),
        settings({"adapt": {"mem_mb": 9}, "finetune/ner": {}}),
        PATHS,
        distributed=ALONE,
        is_nested=False,
    )


def test_every_job_that_takes_time_has_a_stage(shipped: dict[str, Any]) -> None:
    seen = set()
    for config in ("small", "released"):
        dag = loaded(shipped[config])
        for job in expected_jobs(dag):
            if job.benchmark:
                names = list(names_of(Rule("", [job.log]), dag.paths))
                assert names[0] == job.stage.replace(" ", "_"), "as the status shows it"
                seen.add(names[0])
    assert seen == set(STAGES)


@pytest.mark.parametrize("name", ["slurm", "workstation"])
def test_a_profile_names_stages_only(name: str) -> None:
    profile = yaml.safe_load((ROOT / name / "config.yaml").read_text(encoding="utf-8"))
    assert set(profile["set-threads"]) <= set(profile["set-resources"]) <= set(STAGES)
    assert (ROOT / name).readlink() == Path("profiles") / name


def test_what_every_profile_has_is_in_the_default_alone() -> None:
    """Its keys win over those of any other profile, without a word."""
    default = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text(encoding="utf-8"))
    for name in ("slurm", "workstation"):
        profile = yaml.safe_load((ROOT / name / "config.yaml").read_text(encoding="utf-8"))
        assert not profile.keys() & default.keys()


def test_the_slurm_profile_asks_for_all_that_runs_there() -> None:
    profile = yaml.safe_load((ROOT / "slurm/config.yaml").read_text(encoding="utf-8"))
    assert set(profile["set-resources"]) == set(STAGES)
    assert profile["slurm-logdir"] == "logs/slurm", "where xmod.failures looks"
