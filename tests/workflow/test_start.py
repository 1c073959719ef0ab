"""What a person is told when a run starts: nothing is trained here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.project import ROOT, Project, environment, make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that nothing was run on."""
    return make_project(tmp_path / "project")


@pytest.fixture
def paper(project: Project) -> Project:
    """The paper's grid, without its data and where none may be fetched."""
    project.config = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
    project.config["sources"]["fetch"] = "offline"
    return project


def test_a_dry_run_without_the_data_warns_and_plans(paper: Project) -> None:
    result = paper.snakemake("--dry-run")
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    sources = [re.search(r"offline, and data/(\w+)/\S+ is missing", line) for line in warnings]
    read = ["xlmr", "multinli", "xnli", "wikiann", "squad", "xquad", "mlqa", "cc100"]
    assert [found and found[1] for found in sources] == read
    assert "pretrain" in result.stdout
    assert "strict-dag-evaluation" not in result.stdout + result.stderr, "no rule was in doubt"


def test_a_run_without_the_data_stops_before_its_first_job(paper: Project) -> None:
    result = paper.snakemake(check=False)
    assert result.returncode == 1
    assert "data/cc100/en.txt.xz is missing: fetch https://" in result.stderr
    assert "data/xlmr/sentencepiece.bpe.model is missing: fetch https://" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (paper.folder / "results").exists()
    assert paper.snakemake("--dry-run").returncode == 0, "the folder is not left locked"


def test_a_job_in_a_process_of_its_own_does_not_look_again(paper: Project) -> None:
    """As a cluster's executor starts it: the data are looked for once, when the run starts."""
    grid = "results/paper/summary/grid.json"
    paper.snakemake("--mode", "subprocess", "--no-hooks", "--", grid)
    assert (paper.folder / grid).is_file()


@pytest.mark.parametrize("arguments", [("--rulegraph",), ("--unlock",)])
def test_what_runs_no_job_needs_no_data(paper: Project, arguments: tuple[str, ...]) -> None:
    paper.snakemake(*arguments)


def test_a_key_given_twice_stops_a_dry_run(project: Project) -> None:
    command = project.command("--dry-run")
    config = project.folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "pretrain:\n  sampling_alpha: 0.3\n", encoding="utf-8")
    result = subprocess.run(
        command, cwd=project.folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    first = text.splitlines().index("pretrain:") + 1
    line = len(text.splitlines()) + 1
    told = f"config.yaml:{line}: pretrain is given twice, in line {first} already"
    assert told in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("section", "key", "value", "told"),
    [
        ("language_sets", "two", {"include": ["en", False]}, 'write it in quotes ("no")'),
        ("experiments", "main", {"axes": {"sampling_alpha": [1]}}, "'pretrain.sampling_alpha'"),
        ("corpora", "folder", "nowhere", "corpora.folder: no folder 'nowhere'"),
    ],
)
def test_a_mistake_is_told_with_its_file(
    project: Project, section: str, key: str, value: Any, told: str
) -> None:
    project.config[section][key] = value
    result = project.snakemake("--dry-run", check=False)
    assert result.returncode == 1
    lines = (result.stdout + result.stderr).splitlines()
    (line,) = [line for line in lines if told in line]
    assert line.startswith(f"{project.folder}/config.yaml: ")


def test_the_captions_are_written_beside_the_figures(project: Project) -> None:
    page = "results/tiny/figures/captions.md"
    project.snakemake("--", page)
    text = (project.folder / page).read_text(encoding="utf-8")
    assert "![figure_mean](figure_mean.png)\n\nMean perplexity of English and French." in text
    assert "[table_9](../tables/table_9.md): All languages" in text


def test_the_scheduler_looks_at_the_waiting_jobs_only_when_one_ended(project: Project) -> None:
    """With Snakemake's own limit it does so once a second for each job that did."""
    target = "results/tiny/summary/curves.csv"
    result = project.snakemake("--verbose", "--", target, cores=1)
    finished = result.stderr.count("Finished jobid")
    looks = result.stderr.count("Resources before job selection")
    assert 4 < looks <= finished + 1


def test_every_job_has_a_log_of_its_own(project: Project) -> None:
    """Beside it lie its lock and its tries."""
    output = project.snakemake("--dry-run", "--printshellcmds").stdout
    logs = re.findall(r"^Shell command: begin (\S+);", output, re.MULTILINE)
    assert len(logs) > 10
    assert len(set(logs)) == len(logs)


def test_a_misspelt_stage_stops_before_anything_runs(project: Project) -> None:
    result = project.snakemake("--dry-run", "--set-resources", "pretrian:mem_mb=9", check=False)
    assert result.returncode == 1
    assert "'pretrian' is no stage and no rule" in result.stdout + result.stderr
    assert "Did you mean 'pretrain'?" in result.stdout + result.stderr
