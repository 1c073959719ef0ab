"""Jobs: what they are told, what they are not, and when their code has changed."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from xmod import jobs
from xmod.config import parse
from xmod.config_section import Section
from xmod.dag import Dag
from xmod.grid import Grid, expand
from xmod.languages import LanguageTable

ROOT = Path(__file__).parents[2]
HARDWARE = {"threads", "device", "micro_batch_sequences", "checkpoint_seconds", "mem_mb", "runtime"}


def loaded(raw: dict[str, Any]) -> Dag:
    """The configuration's DAG, whatever the working folder."""
    raw = copy.deepcopy(raw)
    raw["languages"] = str(ROOT / "config/languages.tsv")
    raw["catalogue"] = str(ROOT / "config/figures.yaml")
    return Dag.load(raw, origin="test.yaml")


def texts(dag: Dag) -> dict[tuple[str, str, str], str]:
    """Everything that any job is told, by stage, name and part."""
    found = {}
    for stage in ("corpora", "vocabulary", "added_vocabulary"):
        for name in dag.scopes(stage):
            found[stage, name, "job"] = dag.job_text(stage, name, "job")
    for stage in ("pretrain", "perplexity"):
        for name in dag.stage_ids(stage):
            found[stage, name, "job"] = dag.job_text(stage, name, "job")
    for batch in dag.extension_batches:
        for name in batch.cells:
            part = f"job-{batch.name}"
            found["extend", name, part] = dag.job_text("extend", name, part)
    return found


def keys(value: object) -> set[str]:
    """Every key at any depth."""
    if isinstance(value, dict):
        return set(value) | set().union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def grid_of(raw: dict[str, Any], table: LanguageTable) -> Grid:
    return expand(raw, table, origin="test.yaml")


def test_a_job_says_nothing_of_hardware(small: dict[str, Any]) -> None:
    for text in texts(loaded(small)).values():
        assert not keys(json.loads(text)) & HARDWARE


def test_how_work_is_cut_changes_no_jobs_text(small: dict[str, Any]) -> None:
    """But for which languages one extension job adds."""
    before = texts(loaded(small))
    small["jobs"]["languages_per_job"] = 1
    after = texts(loaded(small))
    for key, text in before.items():
        if key[0] != "extend":
            assert after[key] == text


def test_every_text_reads_back_as_its_job(small: dict[str, Any], tmp_path: Path) -> None:
    kinds = {
        "pretrain": jobs.PretrainJob,
        "extend": jobs.ExtendJob,
        "perplexity": jobs.PerplexityJob,
    }
    path = tmp_path / "job.json"
    for (stage, _, _), text in texts(loaded(small)).items():
        if stage in kinds:
            path.write_text(text, encoding="utf-8")
            assert jobs.text(kinds[stage].read(path)) == text


@pytest.mark.parametrize(
    ("section", "key", "value", "stages"),
    [
        ("pretrain", "peak_learning_rate", 0.5, {"pretrain"}),
        ("pretrain", "mask_probability", 0.2, {"pretrain", "perplexity"}),
        ("pretrain", "recipe_version", 3, {"pretrain"}),
        ("extend", "weight_decay", 0.5, {"extend"}),
        ("perplexity", "mask_rounds", 3, {"perplexity"}),
        ("corpora", "salt", "another", {"corpora"}),
        ("vocabulary", "size", 2500, {"vocabulary"}),
    ],
)
def test_a_change_is_told_to_whom_it_concerns(
    small: dict[str, Any], section: str, key: str, value: object, stages: set[str]
) -> None:
    before = texts(loaded(small))
    small[section][key] = value
    after = texts(loaded(small))
    assert before.keys() == after.keys()
    assert {name[0] for name in before if before[name] != after[name]} == stages


def test_another_language_set_leaves_every_job_as_it_was(small: dict[str, Any]) -> None:
    before = texts(loaded(small))
    small["language_sets"] = {"14": {"extends": "13", "include": ["bg"]}}
    small["experiments"]["main"]["axes"]["language_set"].append("14")
    after = texts(loaded(small))
    assert before.items() < after.items()
    added = after.keys() - before.keys()
    assert {(stage, ".14." in name) for stage, name, _ in added} == {
        (stage, True) for stage in ("pretrain", "extend", "perplexity")
    }


def test_added_languages_go_by_experiment(small: dict[str, Any], table: LanguageTable) -> None:
    """What a further experiment adds is a group of its own, so the first one's jobs stay."""
    axes = {"variant": ["xmod"], "language_set": [13], "budget": [100]}
    small["experiments"] = {"first": {"axes": axes, "add_languages": ["de", "tr"]}}
    config = parse(small, origin="test.yaml")
    before = jobs.added_by_cell(grid_of(small, table), config, table)
    size = config.model.size
    assert before == {f"xmod.{size}.13.100": (("de", "tr"),)}
    small["experiments"]["second"] = {
        "axes": {**axes, "variant": ["xmod", "shared"]},
        "add_languages": ["bg", "de", "en"],
    }
    config = parse(small, origin="test.yaml")
    assert jobs.added_by_cell(grid_of(small, table), config, table) == {
        f"xmod.{size}.13.100": (("de", "tr"), ("bg",)),
        f"shared.{size}.13.100": (("bg", "de"),),
    }


def test_what_is_measured_is_limited(small: dict[str, Any], table: LanguageTable) -> None:
    thirteen = table.language_set("13")
    for only, expected in (("13", thirteen), (None, table.language_set("30"))):
        small["perplexity"]["language_set"] = only
        grid = grid_of(small, table)
        cell = next(cell for cell in grid.cells if cell.language_set == "30")
        config = grid.configs[cell.id]
        assert jobs.measured_languages(config, table, cell) == expected
        job = jobs.perplexity_job(cell, config, table, ("de",))
        assert (job.pretrained, job.added) == (expected, ("de",))


def test_only_what_a_cell_has_is_measured(small: dict[str, Any], table: LanguageTable) -> None:
    small["perplexity"]["language_set"] = "75"
    grid = grid_of(small, table)
    cell = next(cell for cell in grid.cells if cell.language_set == "13")
    measured = jobs.measured_languages(grid.configs[cell.id], table, cell)
    assert measured == table.language_set("13")


def test_the_grids_record_names_every_point(small: dict[str, Any], table: LanguageTable) -> None:
    grid = grid_of(small, table)
    record = jobs.grid_record(grid, parse(small, origin="test.yaml"), table)
    assert record["axes"] == ["variant", "model.size", "language_set", "budget"]
    assert len(record["points"]) == len(grid.points) == 16
    for point in record["points"]:
        assert list(point["axes"]) == record["axes"]
        assert point["num_languages"] == len(point["languages"])
        assert not set(point["added"]) & set(point["languages"])


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of some of the package, for `code_digest` to look at."""
    folder = tmp_path / "xmod"
    shutil.copytree(ROOT / "xmod/training", folder / "training")
    shutil.copy(ROOT / "xmod/jobs.py", folder)
    monkeypatch.setattr(jobs, "__file__", str(folder / "jobs.py"))
    return folder


def test_a_code_digest_changes_with_the_code(package: Path) -> None:
    file, folder = jobs.code_digest("jobs.py"), jobs.code_digest("training")
    assert file != folder
    assert (jobs.code_digest("jobs.py"), jobs.code_digest("training")) == (file, folder)
    path = package / "training/loop.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert jobs.code_digest("jobs.py") == file
    changed = jobs.code_digest("training")
    assert changed != folder
    path.rename(package / "training/ring.py")
    assert jobs.code_digest("training") not in (folder, changed), "names are part of it"
    path.with_name("notes.txt").write_text("no code")
    (package / "training/__pycache__").mkdir(exist_ok=True)
    assert jobs.code_digest("training") == jobs.code_digest("training")


def test_a_code_digest_of_what_is_not_there_is_an_error(package: Path) -> None:
    assert package.is_dir()
    with pytest.raises(FileNotFoundError):
        jobs.code_digest("nowhere.py")


class Old(Section):
    recipe_version: int = 1
    rate: float = 0.1


class Bumped(Section):
    recipe_version: int = 2
    rate: float = 0.1


class OldJob(Section):
    part: Old = Old()


class BumpedJob(Section):
    part: Bumped = Bumped()


def test_a_recipe_that_is_bumped_in_the_code_is_seen() -> None:
    """Other defaults are left out of a job's text; without this one the bump would run nothing."""
    assert json.loads(jobs.text(OldJob())) == {"part": {"recipe_version": 1}}
    assert json.loads(jobs.text(BumpedJob())) == {"part": {"recipe_version": 2}}


def test_every_trained_stage_tells_its_recipe(small: dict[str, Any]) -> None:
    for (stage, *_), text in texts(loaded(small)).items():
        assert (stage == "perplexity") != ("recipe_version" in keys(json.loads(text))), stage
