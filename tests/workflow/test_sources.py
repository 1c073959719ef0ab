"""Published data through Snakemake: fetched from a server on loopback, or placed by hand."""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
from pathlib import Path

import pytest

from tests.unit.http_server import serve
from tests.workflow.project import Project, make_project
from xmod import fetch_source
from xmod.source_table import COLUMNS


def make_sources(project: Project, url: str) -> dict[str, bytes]:
    """Let the project take its text from CC-100; returns the archives that a server has."""
    files = {
        f"{path.stem}.txt.xz": lzma.compress(path.read_bytes())
        for path in sorted((project.folder / "text").glob("*.txt"))
    }
    rows = ["\t".join(COLUMNS), f"cc100\t1\t{{code}}.txt.xz\t{url}\t-\t-\t-\tfree"]
    (project.folder / "sources.tsv").write_text("\n".join(rows) + "\n")
    project.config["sources"] = {"fetch": "download", "table": "sources.tsv"}
    project.config["corpora"] = {"source": "cc100", "max_characters": 20_000}
    project.config["vocabulary"]["language_set"] = "three"
    project.config["experiments"]["main"].pop("add_languages")
    project.config["jobs"] = {"languages_per_job": 1, "workers": 2}
    return files


CORPORA = [f"results/tiny/corpora/default/{iso}/stats.json" for iso in ("en", "fr")]
COUNTS = "results/tiny/summary/corpora.csv"
PERPLEXITY = "results/tiny/perplexity/xmod.tiny.two.12/perplexity.json"


@pytest.fixture
def own(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def place(project: Project, name: str, data: bytes) -> Path:
    """Put an archive where a person would; returns its folder."""
    folder = project.folder / "data" / "cc100"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder


def check_perplexity(project: Project) -> None:
    """That a model was trained and measured on the text: on both of its languages."""
    records = json.loads((project.folder / PERPLEXITY).read_text())["records"]
    found = {one["language"]: one["value"] for one in records if one["metric"] == "perplexity"}
    assert found.keys() == {"en", "fr"}
    assert all(1 < value < 10_000 for value in found.values())


def test_text_is_fetched_and_trained_on_and_then_left_alone(own: Project) -> None:
    with serve({}, "cut", "busy") as server:
        server.files |= make_sources(own, server.url)
        own.snakemake(PERPLEXITY, COUNTS)
        check_perplexity(own)
        archive = own.folder / "data" / "cc100" / "en.txt.xz"
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        assert archive.with_name("en.txt.xz.sha256").read_text().startswith(digest)
        for iso in ("en", "fr"):
            text = own.folder / "results" / "tiny" / "corpora" / "default" / iso / "train.txt"
            assert len(text.read_text(encoding="utf-8")) > 1000
        asked = len(server.requests)
        own.config["sources"]["urls"] = {"cc100": "http://127.0.0.1:9"}
        own.config["sources"]["fetch"] = "offline"
        own.config["jobs"]["workers"] = 1
        again = own.snakemake(PERPLEXITY, COUNTS)
        assert "Nothing to be done" in again.stdout + again.stderr
        assert len(server.requests) == asked


def test_what_was_counted_may_decide_budgets_and_nothing_is_collected_again(own: Project) -> None:
    """Of Russian a third of what the others have, though its archive is published as larger."""
    files = make_sources(own, "http://127.0.0.1:9")
    documents = lzma.decompress(files["ru.txt.xz"]).split(b"\n\n")
    files["ru.txt.xz"] = lzma.compress(b"\n\n".join(documents[: len(documents) // 3]))
    for name, data in files.items():
        place(own, name, data)
    own.config["sources"]["fetch"] = "offline"
    own.snakemake(COUNTS)
    assert own.planned_cells("pretrain") == cells_of_three(18)
    shutil.copy(own.folder / COUNTS, own.folder / "counts.csv")
    own.config["corpora"]["counts"] = "counts.csv"
    assert own.planned_cells("pretrain") == cells_of_three(15)
    assert not [rule for rule in own.planned() if rule.startswith(("fetch", "collect"))]


def cells_of_three(updates: int) -> set[str]:
    """All cells, with the budget that three languages have under equal examples."""
    ends = ("two.12", "three.12", f"three.{updates}")
    return {f"{variant}.tiny.{end}" for variant in ("shared", "xmod") for end in ends}


def test_to_verify_again_is_to_force_it(own: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """As docs/sources.md has it."""
    for name, data in make_sources(own, "http://127.0.0.1:9").items():
        folder = place(own, name, data)
    own.config["sources"]["fetch"] = "offline"
    own.snakemake(*CORPORA)
    for stamp in folder.glob(".verified-*"):
        stamp.unlink()
    own.snakemake(*CORPORA)
    assert not list(folder.glob(".verified-*")), "nothing needs them"
    first = [(own.folder / path).stat().st_mtime_ns for path in CORPORA]
    places = ("--table", str(own.folder / "sources.tsv"), "--folder", str(folder.parent))
    fetch_source.main(["--source", "cc100", "--code", "en", "--fetch", "offline", *places])
    assert f"{folder / 'en.txt.xz'}: kept; " in capsys.readouterr().out
    own.snakemake(*CORPORA, "--forcerun", "fetch_cc100")
    assert len(list(folder.glob(".verified-*"))) == len(CORPORA)
    again = [(own.folder / path).stat().st_mtime_ns for path in CORPORA]
    assert all(before < after for before, after in zip(first, again, strict=True))


def test_without_a_network_the_files_are_asked_for_and_then_taken(own: Project) -> None:
    files = make_sources(own, "http://127.0.0.1:9")
    own.config["sources"]["fetch"] = "offline"
    planned = own.snakemake("--dry-run", *CORPORA)
    told = "sources.fetch: offline, and data/cc100/en.txt.xz is missing: fetch http://127.0.0.1:9"
    assert f": {told}" in planned.stderr
    failed = own.snakemake(*CORPORA, check=False)
    assert failed.returncode != 0
    assert told in failed.stderr
    assert not (own.folder / "results" / "tiny" / "corpora").exists()
    for name, data in files.items():
        place(own, name, data)
    own.snakemake(PERPLEXITY)
    check_perplexity(own)
    folder = place(own, "en.txt.xz", files["fr.txt.xz"])
    for stamp in folder.glob(".verified-en-*"):
        stamp.unlink()
    (own.folder / CORPORA[0]).unlink()
    spoilt = own.snakemake(*CORPORA, check=False)
    assert spoilt.returncode != 0
    log = (own.folder / "results/tiny/logs/sources/cc100/en.log").read_text()
    assert "its SHA-256 is" in log
    assert "the one recorded in en.txt.xz.sha256 is" in log
    assert list(folder.glob("en.txt.xz.wrong-*"))
