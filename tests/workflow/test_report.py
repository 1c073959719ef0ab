"""The report and Snakemake's own, on a project that was run, broken, killed and changed."""

from __future__ import annotations

import base64
import copy
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.workflow.project import Project, environment, kill_group, make_project, wait_until
from tests.workflow.task_files import TASKS, write_task_files
from xmod import report
from xmod.analysis.report.notes import Notes
from xmod.analysis.report.state import Judge, Judged

CAPTION = "Mean perplexity of English and French."
LAYER = {
    "title": "A layer",
    "caption": "A layer and its stages.",
    "experiment": "main",
    "variants": "xmod",
    "stages": ["pretrain", "extend"],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with every kind of job that was run to its end: one cell with three tasks, one
    with adapters, and an intermediate checkpoint."""
    project = make_project(tmp_path_factory.mktemp("report") / "project")
    write_task_files(project.folder)
    project.config["model"]["max_positions"] = 24
    project.config["tasks"] = copy.deepcopy(TASKS)
    project.config["jobs"]["runs_per_job"] = 2
    project.config["adapters"] = {
        "language_set": "two",
        "sequence_length": 16,
        "batch_sequences": 4,
        "sequences_per_draw": 4,
        "peak_learning_rate": 0.01,
    }
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": [12]}
    further = {"add_languages": ["de"], "evaluate": []}
    project.config["experiments"] = {
        "main": {"axes": axes, "add_languages": ["de", "tr"]},
        "adapters": {"axes": {**axes, "variant": ["adapters"]}, **further},
        "checkpoints": {"axes": {**axes, "checkpoint": [0.5]}, **further},
    }
    project.config["figures"] = ["figure_mean", "figure_layer"]
    project.config["claims"] = "config/claims.yaml"
    catalogue = yaml.safe_load((project.folder / "catalogue.yaml").read_text(encoding="utf-8"))
    catalogue["architectures"] = {"figure_layer": LAYER}
    (project.folder / "catalogue.yaml").write_text(yaml.safe_dump(catalogue), encoding="utf-8")
    project.snakemake()
    return project


@pytest.fixture
def project(finished: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The finished project as the working folder, its configuration to be changed at will."""
    config = copy.deepcopy(finished.config)
    monkeypatch.chdir(finished.folder)
    yield finished
    finished.config = config


@pytest.fixture
def own(finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the finished project with its files' times, to be run and spoilt."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return Project(folder, copy.deepcopy(finished.config))


def judged(project: Project) -> tuple[Judged, ...]:
    """The state of every job, under the configuration as it is now."""
    project.write()
    plan = report.plan_of(Path("config.yaml"))
    return Judge(plan.jobs, Notes(Path(".snakemake")), now=time.time()).judge_all()


def states(project: Project) -> dict[str, str]:
    """Stage, and its task if it is of one -> the states of its jobs."""
    found: dict[str, set[str]] = {}
    for one in judged(project):
        found.setdefault(f"{one.job.stage} {one.job.task}".strip(), set()).add(one.state)
    return {stage: " ".join(sorted(found[stage])) for stage in found}


def pretraining(project: Project) -> Judged:
    """Of the first cell, which is pre-trained first."""
    return next(one for one in judged(project) if one.job.stage == "pretrain")


def test_the_jobs_that_are_expected_are_those_of_the_rules(project: Project) -> None:
    """Every file that Snakemake noted to have made, and no other."""
    names = [path.name for path in (project.folder / ".snakemake/metadata").iterdir()]
    noted = {base64.urlsafe_b64decode(name).decode() for name in names}
    expected = [path for one in judged(project) for path in one.job.outputs]
    assert max(Counter(expected).values()) == 1
    assert set(expected) == noted


def test_without_claims_as_many_jobs_are_expected_as_snakemake_plans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paper's own numbers are checked against each other all the same."""
    project = make_project(tmp_path / "project")
    assert project.config["claims"] is None
    planned = project.planned()
    assert (planned.pop("all"), planned["audit_paper"]) == (1, 1)
    monkeypatch.chdir(project.folder)
    jobs = report.plan_of(Path("config.yaml")).jobs
    assert [job.scope for job in jobs if job.stage == "claims"] == ["paper_audit.md"]
    assert len(jobs) == sum(planned.values())


def test_the_logs_and_benchmarks_are_those_of_the_rules(project: Project) -> None:
    for one in judged(project):
        assert Path(one.job.log).is_file()
        assert not one.job.benchmark or Path(one.job.benchmark).is_file()
    benchmarks = [one.job.benchmark for one in judged(project) if one.job.benchmark]
    assert len(benchmarks) == len(list(project.result("benchmarks").rglob("*.tsv")))


def test_all_is_done_at_the_end(project: Project) -> None:
    assert set(states(project).values()) == {"done"}


def test_the_page_of_a_finished_run_has_no_draft(project: Project) -> None:
    project.write()
    report.main(["--configfile", "config.yaml"])
    page = project.result("report.html").read_text(encoding="utf-8")
    assert CAPTION in page
    assert page.count("data:image/png;base64,") == 2
    assert 'class="mark draft"' not in page
    assert ">stale: " not in page
    assert "the configuration names no claims" not in page.lower()
    assert project.planned() == {}, "the report changed no result"


def test_what_a_changed_configuration_makes_again_is_stale(project: Project) -> None:
    """The same number of jobs that Snakemake would run."""
    project.config["extend"]["peak_learning_rate"] = 0.02
    found = judged(project)
    stale = [one for one in found if one.state == "stale"]
    own = {one.job.stage for one in stale if not one.only_follows}
    assert own == {"extend"}
    assert "extend.peak_learning_rate was 0.01, is 0.02" in stale[0].reasons
    planned = project.planned()
    assert len(stale) == sum(planned.values()) - planned["all"]
    assert {one.state for one in found} == {"done", "stale"}


def test_a_new_cell_is_missing_and_the_summary_stale(project: Project) -> None:
    project.config["experiments"]["main"]["axes"]["language_set"].append("three")
    found = states(project)
    assert found["pretrain"] == "done missing"
    assert found["summary"] == "done stale"


def test_a_job_that_failed_says_why(own: Project) -> None:
    own.config["pretrain"].update(peak_learning_rate=1e30, warmup_fraction=0.0, clip_norm=0.0)
    own.snakemake(check=False)
    failed = pretraining(own)
    assert failed.state == "failed"
    assert "left no result" in failed.reasons[0]
    assert any("error" in line for line in failed.tail)
    assert states(own)["perplexity"] == "stale"


def test_a_job_runs_until_it_is_killed(own: Project) -> None:
    own.config["experiments"] = {"main": own.config["experiments"]["main"]}
    own.config["experiments"]["main"]["axes"]["budget"] = [200_000]
    process = subprocess.Popen(
        own.command(),
        cwd=own.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        log = own.result("logs/pretrain/xmod.tiny.two.200k.log")
        wait_until(lambda: log.is_file() and "tokens/s" in log.read_text(encoding="utf-8"))
        running = pretraining(own)
        assert running.state == "running"
        assert "mark and lock" in running.reasons[0]
        assert "tokens/s" in running.tail[0]
        assert states(own)["extend"] == "missing"
    finally:
        kill_group(process)
    own.snakemake("--unlock")
    stopped = Judge([pretraining(own).job], Notes(Path(".snakemake")), now=time.time() + 3600)
    assert [one.state for one in stopped.judge_all()] == ["failed"]


def test_snakemakes_own_report_has_figures_and_tables_with_captions(project: Project) -> None:
    project.snakemake("--report", "snakemake.html")
    page = (project.folder / "snakemake.html").read_text(encoding="utf-8")
    for words in ("Figures", "Tables", "figure_mean.png", "table_9.csv", CAPTION):
        assert words in page
