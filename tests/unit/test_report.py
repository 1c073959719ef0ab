"""The page about a run, of made-up files: before it begins, half-way, at its end, gone wrong."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.analysis.report import made_up
from tests.unit.analysis.report.html import Strict
from tests.unit.analysis.report.made_up import LATER, finish, write
from tests.unit.analysis.report.test_scores import BEFORE_TASKS
from xmod import report
from xmod.analysis.report.plan import Plan

HOSTILE = '<script>alert("x")</script>&\'"'
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)
PHONE = 390


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan of a run of which nothing is there yet."""
    monkeypatch.chdir(tmp_path)
    return made_up.plan_in(tmp_path)


def page(capsys: pytest.CaptureFixture[str] | None = None) -> Strict:
    """The page of the run as its files are now."""
    report.main(["--configfile", "mine.yaml"])
    if capsys is not None:
        assert capsys.readouterr().out.startswith("results/small/report.html written (")
    return Strict(Path("results/small/report.html").read_text(encoding="utf-8"))


def half_way(plan: Plan) -> None:
    """Three of four perplexities, one job that failed, one that runs, one that is stale."""
    finish(plan, stages=BEFORE_TASKS)
    jobs = [job for job in plan.jobs if job.stage == "perplexity"]
    for path in jobs[0].outputs:
        Path(path).unlink()
    write(Path(jobs[0].log), f"error: {HOSTILE}\n", at=LATER)
    write(Path(jobs[1].told_in), "{}", at=LATER)
    finetuning = next(job for job in plan.jobs if job.stage == "finetune")
    name = base64.urlsafe_b64encode(finetuning.outputs[0].encode()).decode()
    write(Path(".snakemake/incomplete") / name, "{}", at=LATER)
    write(Path(".snakemake/locks/0.output.lock"), finetuning.outputs[0], at=LATER)
    write(Path(finetuning.log), "  12/1500   1%\n", at=LATER)


def test_before_anything_has_run(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    found = page(capsys)
    assert f"{len(plan.jobs)} missing" in found.text
    for words in ("None of its cells has been measured yet.", "No text has been collected yet.",
                  "No job has ended yet.", "No result has a manifest yet.",
                  "draft: judged by the scores so far", "It has not been made yet"):  # fmt: skip
        assert words in found.text
    assert found.sources == []


def test_half_way(plan: Plan) -> None:
    half_way(plan)
    found = page()
    for words in ("draft: 2 of 4 cells", "Running", "Failed", "Stale", "12/1500 1%",
                  "Snakemake's mark and lock are there", "The run is not finished"):  # fmt: skip
        assert words in found.text
    assert len(found.sources) == 1, "of figure_2a; no task has been measured"


def test_at_the_end(plan: Plan) -> None:
    finish(plan)
    found = page()
    assert "mark draft" not in found.classes
    assert "The run is not finished" not in found.text
    assert f"{len(plan.jobs)} done" in found.text
    assert len(found.sources) == 2


def test_the_page_asks_the_network_nothing_and_leads_nowhere_wrong(plan: Plan) -> None:
    finish(plan)
    found = page()
    assert len(set(found.ids)) == len(found.ids)
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    assert not {"script", "link", "iframe", "form"} & set(found.tags)


def test_whatever_it_shows_is_escaped(tmp_path: Path, plan: Plan) -> None:
    half_way(plan)
    claims = with_one_claim(tmp_path, quote=HOSTILE, statement=HOSTILE)
    catalogue = (tmp_path / "config/figures.yaml").read_text(encoding="utf-8")
    title = "title: Mean perplexity of the initial languages\n"
    hostile = f"title: {json.dumps(HOSTILE)}\n"
    (tmp_path / "figures.yaml").write_text(catalogue.replace(title, hostile), encoding="utf-8")
    made_up.plan_in(tmp_path, catalogue="figures.yaml", claims=claims)
    with Path("mine.yaml").open("a", encoding="utf-8") as stream:
        stream.write(f"# {HOSTILE}\n")
    found = page()
    assert "script" not in found.tags
    assert found.text.count("<script>") == 4, "log, statement, title, configuration"


def with_one_claim(folder: Path, **changes: str) -> str:
    """A file of one of the shipped claims, with some of its words changed."""
    raw = yaml.safe_load((folder / "config/claims.yaml").read_text(encoding="utf-8"))
    name, claim = next(iter(raw["claims"].items()))
    text = yaml.safe_dump({**raw, "claims": {name: {**claim, **changes}}})
    (folder / "claims.yaml").write_text(text, encoding="utf-8")
    return "claims.yaml"


def test_the_paper_s_grid_can_be_reported_before_its_data_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(made_up.ROOT / "config")
    report.main(["--configfile", "config/paper.yaml", "--output", "page.html"])
    found = Strict(Path("page.html").read_text(encoding="utf-8"))
    assert "xmod.base.75.269k" in found.text
    assert "84.4" in found.text, "X-MOD's XNLI of English: the paper's numbers stand there alone"


def test_it_needs_no_torch() -> None:
    code = "import sys, xmod.report; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=made_up.ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.fixture(scope="module")
def browser() -> str:
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    if not found:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found[0]


def test_a_phone_shows_it_without_scrolling_sideways(
    plan: Plan, tmp_path: Path, browser: str
) -> None:
    """In a browser: how wide the page lies in a phone's window, and whether its images are seen."""
    half_way(plan)
    made_up.plan_in(tmp_path, claims=with_one_claim(tmp_path, quote="a-long-word-" * 40))
    page()
    frame = tmp_path / "results/small/frame.html"
    frame.write_text(
        f"<iframe src='report.html' width='{PHONE}' height='844' style='border:0'></iframe>"
        "<script>onload = () => {"
        "  const page = document.querySelector('iframe').contentDocument;"
        "  const images = [...page.images].filter(one => one.naturalWidth > 0).length;"
        "  document.body.textContent ="
        "    `width ${page.documentElement.scrollWidth} images ${images}/${page.images.length}`;"
        "};</script>"
    )
    done = subprocess.run(
        [
            *(browser, *BROWSER_OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"),
            *("--allow-file-access-from-files", "--dump-dom", frame.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"width {PHONE} images 1/1" in done.stdout
