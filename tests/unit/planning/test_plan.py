"""The command, on a run whose files are made up: what is left, why, and how long it takes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.analysis.report import made_up
from xmod import plan as command
from xmod import train_vocabulary
from xmod.analysis.report.plan import Plan
from xmod.analysis.report.state import Job
from xmod.dag import Dag
from xmod.planning import text_work
from xmod.planning.parameters import part_counts

ROOT = Path(__file__).parents[3]
LONG_AGO = 1_000_000_000.0
"""When no job is taken to be running any more."""
DATA = ("corpora", "vocabulary", "tokens", "added vocabulary", "added tokens")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The jobs of a run of which nothing is there yet, in the working folder."""
    monkeypatch.chdir(tmp_path)
    return made_up.plan_in(tmp_path)


def planned(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    command.main(["--configfile", "mine.yaml", "--json", *options])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def shown(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    command.main(["--config", "mine.yaml", *options])
    return capsys.readouterr().out


def test_nothing_is_done_and_nothing_is_written(
    made: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    found = planned(capsys)
    assert found["total"]["num_jobs"] == found["total"]["num_to_do"] == len(made.jobs)
    assert found["total"]["num_done"] == 0
    assert found["device"] == "A100-80GB"
    assert found["total"]["seconds"] == found["total"]["seconds_left"] > 0
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("made")
def test_updates_tokens_and_parameters_of_a_cell(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys)
    cells = {one["cell"]: one for one in found["trained_cells"]}
    xmod = cells["xmod.toy.30.1500"]
    assert xmod["updates"] == 1500
    assert xmod["tokens"] == 1500 * 32 * 32
    assert xmod["num_languages"] == 30
    parameters = xmod["parameters"]
    assert parameters["total"] - parameters["shared"] == 30 * parameters["per_module"]
    assert cells["shared.toy.30.1500"]["parameters"]["total"] == parameters["active"]
    job = next(
        one
        for one in found["jobs"]
        if one["stage"] == "finetune" and one["name"].startswith("nli xmod.toy.30.1500")
    )
    # Two learning rates, three epochs, 3,168 examples in batches of 32
    assert job["updates"] == 2 * 3 * 99


def test_finished_jobs_are_done_and_tell_the_time(
    made: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up.finish(made, stages=(*DATA, "pretrain"))
    found = planned(capsys)
    stages = found["stages"]
    assert stages["pretrain"]["num_done"] == stages["pretrain"]["num_jobs"] == 4
    # Snakemake noted 2.5 seconds of each, but their training took 4
    assert stages["pretrain"]["seconds"] == 4 * 4.0
    assert stages["pretrain"]["seconds_left"] == 0
    assert found["device"] == "cpu"
    assert stages["pretrain"]["rate"]["num_records"] == 4
    assert stages["extend"]["rate"]["source"] == "as pretrain"
    assert "4 jobs" in shown(capsys)


def test_stale_jobs_are_to_be_done_again_and_say_why(
    made: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up.finish(made, stages=(*DATA, "pretrain", "extend"))
    raw = made_up.config()
    raw["pretrain"]["peak_learning_rate"] = 0.002
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    found = planned(capsys)
    assert found["stages"]["pretrain"]["num_stale"] == 4
    assert found["stages"]["pretrain"]["num_to_do"] == 4
    assert found["stages"]["extend"]["num_stale"] == 4
    text = shown(capsys)
    why = "pretrain.peak_learning_rate was 0.003, is 0.002"
    assert f"stale: pretrain xmod.toy.30.1500: {why}" in text
    assert "further jobs are stale because they follow one that will change" in text


def test_of_a_pre_training_that_was_interrupted_the_rest_is_left(
    made: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up.finish(made, stages=DATA)
    job = next(one for one in made.jobs if one.stage == "pretrain")
    made_up.write(Path(job.log), "it began\n", at=LONG_AGO)
    history = Path(f"results/small/checkpoints/pretrain/{job.scope}/0123/history.csv")
    rows = "update,tokens,tokens_per_second\n150,153600,15360\n300,307200,30720\n"
    made_up.write(history, rows, at=LONG_AGO)
    jobs = planned(capsys)["jobs"]
    found = next(one for one in jobs if one["stage"] == "pretrain" and one["name"] == job.scope)
    assert found["state"] == "failed"
    assert found["share_done"] == 300 / 1500
    # 10 seconds and then 5 for a fifth of it
    assert found["seconds"] == pytest.approx(75.0)
    assert found["seconds_left"] == pytest.approx(60.0)
    assert "failed 20%" in shown(capsys)


@pytest.mark.usefixtures("made")
def test_several_processes_take_several_times_the_clocks_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many hours of a device as the manifest says there were processes; of a training that is
    under way as many as are configured; and of text as many of a core as there are workers."""
    together = {"distributed": {"processes": 4}, "jobs": {"workers": 8}}
    made = made_up.plan_in(tmp_path, **together)
    made_up.finish(made, stages=DATA)
    first, second = [job for job in made.jobs if job.stage == "pretrain"][:2]
    made_up.finish_job(made, first, at=made_up.LATER)
    manifest = next(Path(path) for path in first.outputs if path.endswith("manifest.json"))
    told = json.loads(manifest.read_text(encoding="utf-8"))
    made_up.write(manifest, json.dumps({**told, "num_processes": 2}), at=made_up.LATER)
    made_up.write(Path(second.log), "it began\n", at=LONG_AGO)
    history = Path(f"results/small/checkpoints/pretrain/{second.scope}/0123/history.csv")
    made_up.write(history, "update,tokens,tokens_per_second\n300,307200,30720\n", at=LONG_AGO)
    found = planned(capsys)
    jobs = {one["name"]: one for one in found["jobs"] if one["stage"] == "pretrain"}
    assert jobs[first.name]["seconds"] == 2 * 4.0
    corpora = [one for one in found["jobs"] if one["stage"] == "corpora"]
    assert {one["seconds"] for one in corpora} == {8 * 2.5}
    vocabulary = next(one for one in found["jobs"] if one["stage"] == "vocabulary")
    assert vocabulary["seconds"] == 2.5
    # Ten seconds of four processes, for a fifth of it
    rate = found["stages"]["pretrain"]["rate"]
    assert rate["num_records"] == 2
    amounts = [jobs[first.name]["flops"], jobs[second.name]["flops"] / 5]
    assert rate["per_amount"] * sum(amounts) == pytest.approx(8.0 + 40.0)


HALF = (("shared", 13), ("xmod", 30), ("shared", 60), ("xmod", 75))
COMPUTING = ("pretrain", "extend", "perplexity", "finetune", "evaluate")


def finish_timed(plan: Plan, jobs: Iterable[Job], seconds: dict[str, float]) -> None:
    for order, job in enumerate(jobs):
        at = made_up.BEGIN + made_up.STEP * order
        made_up.finish_job(plan, job, at=at)
        if job.benchmark:
            took = seconds.get(job.benchmark, 1.0)
            made_up.write(Path(job.benchmark), f"s\tmax_rss\n{took}\t1.0\n", at=at - 1)
        for path in map(Path, job.outputs):
            if path.name == "manifest.json" and job.stage in COMPUTING:
                made_up.write(path, json.dumps({"device": "cpu"}), at=at)


def test_half_of_the_cells_tell_the_time_of_the_other_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each stage within 25%, where a cell's jobs are off by up to 20% from what they have to do."""
    monkeypatch.chdir(tmp_path)
    axes = {"variant": ["shared", "xmod"], "language_set": [13, 30, 60, 75]}
    made = made_up.plan_in(tmp_path, experiments={"main": {"axes": axes}})
    draw = random.Random(3)
    amounts = {(one["stage"], one["name"]): one["flops"] for one in planned(capsys)["jobs"]}
    truth = {
        job.benchmark: (2 + 4e-11 * amounts[job.stage, job.name]) * draw.uniform(0.8, 1.2)
        for job in made.jobs
        if job.stage in COMPUTING
    }
    half = [f"{variant}.toy.{name}.1500" for variant, name in HALF]
    done = [job for job in made.jobs if job.stage in DATA or (job.cells and job.cells[0] in half)]
    finish_timed(made, done, truth)
    found = planned(capsys)
    missing = {(job.stage, job.name): job for job in made.jobs if job not in done}
    for stage in COMPUTING:
        rest = [
            one
            for one in found["jobs"]
            if one["stage"] == stage and (stage, one["name"]) in missing
        ]
        assert len(rest) >= 4
        took = sum(truth[missing[stage, one["name"]].benchmark] for one in rest)
        assert sum(one["seconds_left"] for one in rest) == pytest.approx(took, rel=0.25), stage


@pytest.mark.usefixtures("made")
def test_ones_own_measurement_replaces_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "--device", "H100", "--tokens-per-second", "1000")
    pretrain = found["stages"]["pretrain"]
    start = 4 * 2  # of four jobs
    assert pretrain["seconds"] - start == pytest.approx(pretrain["tokens"] / 1000, rel=0.01)
    assert pretrain["rate"]["source"] == "yours"


@pytest.mark.usefixtures("made")
def test_it_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "--epochs")
    assert max(map(len, text.splitlines())) <= 100
    assert "xmod.toy.30.1500" in text
    assert "…" not in text
    assert text.splitlines()[-2].startswith("Total: ")


def test_what_is_left_on_disk_is_what_is_saved(
    made: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    """An added language: its file, and its last checkpoint, in float32."""
    found = planned(capsys)
    parts = part_counts(Dag.load(made_up.config(), origin="x").config.model, 1502)
    of_seven = 7 * 2 * 4 * sum(parts.values()) / 1e9
    jobs = {one["name"]: one for one in found["jobs"] if one["stage"] == "extend"}
    assert jobs["xmod.toy.30.1500 bg-de-el-es-tr-ur-zh"]["disk_gb"] == pytest.approx(of_seven)
    assert made.name == "small"


def test_constants_that_commands_have() -> None:
    assert text_work.ADDED_CHARACTERS == train_vocabulary.ADDED_CHARACTERS


def test_the_papers_plan_says_what_to_fetch_and_what_is_longest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(ROOT / "config")
    paper = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
    (tmp_path / "data/cc100").mkdir(parents=True)
    (tmp_path / "data/cc100/en.txt.xz").write_bytes(b"placed")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(paper), encoding="utf-8")
    found = planned(capsys)
    sizes = {one["file"]: one["num_bytes"] for one in found["to_fetch"]}
    assert all(one["url"].startswith("http") for one in found["to_fetch"])
    assert sizes["data/cc100/sw.txt.xz"] == 332e6  # as its page has it
    assert sum(file.startswith("data/cc100/") for file in sizes) == 84  # all but English
    assert None not in sizes.values()
    longest = max(one["seconds_left"] for one in found["jobs"] if one["stage"] == "pretrain")
    told = " ".join(shown(capsys).split())
    assert f"{len(sizes)} files" in told
    assert f"base.75.269k, {longest / 3600:.0f} hours of A100-80GB; on N of them" in told
    sources = Dag.load(paper, origin="mine.yaml").sources
    (tmp_path / "data/xnli").mkdir()
    Path(sources.stamp("xnli")).touch()
    now = {one["file"] for one in planned(capsys)["to_fetch"]}
    assert {Path(file).parts[1] for file in sizes.keys() - now} == {"xnli"}, "verified already"
    paper["distributed"] = {"processes": 8}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(paper), encoding="utf-8")
    assert f"on 8 of them {longest / 3600 / 8:.1f} at best" in " ".join(shown(capsys).split())


def test_an_axis_of_ones_own_is_told_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(ROOT / "config")
    small = yaml.safe_load((ROOT / "config/small.yaml").read_text(encoding="utf-8"))
    small["experiments"]["main"]["axes"]["pretrain.sampling_alpha"] = [0.3, 0.7]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    found = {
        (one["language_set"], one["other_axes"])
        for one in planned(capsys)["budgets"]
        if one["name"] == "equal_examples"
    }
    assert found >= {("60", ""), ("60", "+pretrain.sampling_alpha=0.3")}
    lines = [line.split() for line in shown(capsys).splitlines()]
    assert lines.count(["+pretrain.sampling_alpha=0.3"]) > 14, "of cells and of budgets"


def test_the_page_shows_the_papers_plan(tmp_path: Path) -> None:
    """Made anew in a process of its own, which needs no tensors."""
    page, fresh = ROOT / "docs/plan.md", tmp_path / "plan.md"
    fresh.write_bytes(page.read_bytes())
    options = ["--configfile", "config/paper.yaml", "--epochs", "--page"]
    heavy = "[n for n in ('torch', 'numpy', 'pandas', 'matplotlib') if n in sys.modules]"
    code = f"import sys; from xmod import plan; plan.main({[*options, str(fresh)]}); print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
    command_line = f"python -m xmod.plan {' '.join(options)} docs/plan.md"
    assert fresh.read_text("utf-8") == page.read_text("utf-8"), f"run {command_line}"


@pytest.mark.usefixtures("made")
def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md lacks <!-- plan -->"):
        command.main(["--configfile", "mine.yaml", "--page", str(page)])
    assert page.read_text("utf-8") == "no marks\n"


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--tokens-per-second", "-3", "'-3' is not possible; legal: a number above 0"),
        ("--tokens-per-second", "fast", "'fast' is not possible"),
        ("--micro-batch-sequences", "0", "'0' is not possible; legal: 1, 2, 3"),
    ],
)
def test_impossible_options_are_refused(
    option: str, value: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--configfile", "mine.yaml", f"{option}={value}"])
    assert told in capsys.readouterr().err
