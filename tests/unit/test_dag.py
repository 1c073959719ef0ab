"""The plan: which languages go together, what a job reads, and what is checked beforehand."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_jobs import loaded
from xmod.config_errors import ConfigError
from xmod.dag import Dag


def names(dag: Dag) -> dict[str, set[tuple[str, tuple[str, ...]]]]:
    """Kind of batch -> names and languages."""
    kinds = {
        "corpora": dag.texts.collected,
        "tokens": dag.texts.encoded,
        "added": dag.added_batches,
        "extension": dag.extension_batches,
    }
    return {kind: {(one.name, one.isos) for one in batches} for kind, batches in kinds.items()}


def cell_of(dag: Dag, language_set: str) -> str:
    """The first X-MOD cell of a set."""
    return next(
        cell.id
        for cell in dag.grid.cells
        if (cell.variant, cell.language_set) == ("xmod", language_set)
    )


@pytest.mark.parametrize("size", [1, 5, 43])
def test_batches_stay_when_a_language_set_is_added(small: dict[str, Any], size: int) -> None:
    small["jobs"]["languages_per_job"] = size
    before = names(loaded(small))
    small["language_sets"] = {"mine": {"include": ["en", "fr", "ja", "ka"]}}
    small["experiments"]["main"]["axes"]["language_set"].append("mine")
    after = names(loaded(small))
    for kind, found in before.items():
        assert found <= after[kind]
    assert after["corpora"] == before["corpora"]
    assert after["tokens"] == before["tokens"]


@pytest.mark.parametrize("size", [1, 2, 43])
def test_of_own_files_only_what_is_needed_is_taken(
    small: dict[str, Any], tmp_path: Path, size: int
) -> None:
    """A blank file of a language that nobody asked for must not stop a run, nor two of them."""
    for iso in ("en", "fr", "ja", "ka", "sw", "de", "af"):
        (tmp_path / f"{iso}.txt").write_text("some text\n")
    small["corpora"] = {"source": "files", "folder": str(tmp_path)}
    small["vocabulary"]["language_set"] = "three"
    small["language_sets"] = {
        "three": {"include": ["en", "fr", "sw"]},
        "two": {"include": ["en", "fr"]},
        "other": {"include": ["en", "ja"]},
    }
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": ["equal_steps"]}
    small["experiments"] = {"main": {"axes": axes, "add_languages": ["de"]}}
    small |= {"figures": [], "tables": []}
    small["jobs"]["languages_per_job"] = size
    dag = loaded(small)
    dag.check()
    assert set(itertools.chain(*(one.isos for one in dag.texts.collected))) == {
        *("en", "fr", "sw", "de")
    }
    assert set(dag.corpus_languages) == {"en", "fr", "sw", "de"}
    assert list(itertools.chain(*(one.isos for one in dag.texts.encoded))) == ["en", "fr"]
    before = names(dag)
    small["experiments"]["more"] = {
        "axes": axes | {"language_set": ["other"]},
        "add_languages": ["ka"],
    }
    after = names(loaded(small))
    for kind, found in before.items():
        assert found <= after[kind], "a further experiment cuts none anew"
    text = itertools.chain(*(isos for _, isos in after["corpora"]))
    assert sorted(text) == ["de", "en", "fr", "ja", "ka", "sw"]
    small["experiments"]["main"]["axes"]["language_set"] = ["other", "two"]
    small["experiments"]["main"]["add_languages"] = ["ka", "de"]
    assert {kind: names(loaded(small))[kind] for kind in ("corpora", "tokens")} == {
        kind: after[kind] for kind in ("corpora", "tokens")
    }
    (tmp_path / "af.txt.gz").touch()
    loaded(small).check()


@pytest.mark.parametrize("size", [1, 3, 100])
def test_batches_hold_every_language_once(small: dict[str, Any], size: int) -> None:
    small["jobs"]["languages_per_job"] = size
    dag = loaded(small)
    batches = dag.texts.collected
    assert batches == dag.texts.encoded
    assert tuple(itertools.chain(*(one.isos for one in batches))) == dag.available_languages
    assert max(len(one.isos) for one in batches) <= size
    added = list(itertools.chain(*(one.isos for one in dag.added_batches)))
    assert len(added) == len(set(added))
    assert set(added) == set(itertools.chain(*map(dag.added, dag.grid.cells)))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_extension_batches_cover_every_cell_once(small: dict[str, Any], size: int) -> None:
    """Also where two experiments add different languages to the same cells."""
    small["jobs"]["languages_per_job"] = size
    axes = {"variant": ["xmod", "shared"], "language_set": [13, 30], "budget": ["equal_steps"]}
    small["experiments"]["more"] = {"axes": axes, "add_languages": ["de", "ja", "bg", "hy"]}
    dag = loaded(small)
    batches = dag.extension_batches
    for cell in dag.grid.cells:
        name = cell.at("extend").id
        mine = [batch for batch in batches if name in batch.cells]
        isos = list(itertools.chain(*(batch.isos for batch in mine)))
        assert len(isos) == len(set(isos))
        assert set(isos) == set(dag.added(cell))
        for batch in batches:
            matches = re.fullmatch(batch.cell_pattern, name) is not None
            assert matches == (name in batch.cells)
    assert {"hy", "bg"} <= set(dag.added(dag.cell("extend", cell_of(dag, "13"))))


def test_batches_of_many_languages_have_names_of_their_own(small: dict[str, Any]) -> None:
    """The two sets' added languages are as many, and begin and end alike."""
    small["jobs"]["languages_per_job"] = 100
    small["language_sets"] = {
        "one": {"extends": "13", "exclude": ["ar", "hi"]},
        "other": {"extends": "13", "exclude": ["ar", "ru"]},
    }
    dag = loaded(small)
    main = small["experiments"]["main"]
    main["axes"]["language_set"] = ["one", "other"]
    main["add_languages"] = list(dag.table.isos)
    batches = loaded(small).extension_batches
    assert len(batches) == 2
    ends = {(one.isos[0], one.isos[-1], len(one.isos)) for one in batches}
    assert len(ends) == 1
    assert len({one.name for one in batches}) == 2
    for one in batches:
        assert re.fullmatch(r"[a-z0-9-]+", one.name), "as the wildcard of job files wants it"


def test_a_job_reads_its_own_languages_only(small: dict[str, Any]) -> None:
    dag = loaded(small)
    cell = cell_of(dag, "13")
    inputs = dag.models.pretrain_inputs(cell)
    folder = "results/small/tokens/default"
    isos = dag.table.language_set("13")
    assert inputs["tokens"] == [f"{folder}/{iso}/train.tokens" for iso in isos]
    batch = dag.extension_batches[0]
    inputs = dag.extend_inputs(cell, batch)
    assert len(inputs["vocabularies"]) == len(inputs["tokens"]) == len(batch.isos)
    assert inputs["model"] == f"results/small/pretrain/{cell}/model.safetensors"


def test_perplexity_reads_what_it_measures(small: dict[str, Any]) -> None:
    small["perplexity"]["language_set"] = "13"
    dag = loaded(small)
    name = cell_of(dag, "30")
    inputs = dag.perplexity_inputs(name)
    added = dag.added(dag.cell("perplexity", name))
    assert len(inputs["tokens"]) == 13
    assert len(inputs["extensions"]) == len(inputs["added_tokens"]) == len(added) > 0
    small["perplexity"]["language_set"] = None
    assert len(loaded(small).perplexity_inputs(name)["tokens"]) == 30


def test_every_cell_is_found_by_its_stages_id(small: dict[str, Any]) -> None:
    axes = small["experiments"]["main"]["axes"]
    axes["extend.peak_learning_rate"] = [0.001, 0.003]
    axes["perplexity.mask_rounds"] = [1, 2]
    dag = loaded(small)
    assert len(dag.stage_ids("pretrain")) == 14
    assert len(dag.stage_ids("extend")) == 2 * 14
    assert len(dag.stage_ids("perplexity")) == 4 * 14
    for stage in ("pretrain", "extend", "perplexity"):
        for name in dag.stage_ids(stage):
            assert dag.cell(stage, name).at(stage).id == name


def test_an_undeclared_figure_stops_before_anything_runs(small: dict[str, Any]) -> None:
    loaded(small).check()
    small["figures"] = ["figure_2", *small["figures"]]
    message = r"^test.yaml: figures: 'figure_2' is not declared in .*figures.yaml; .*figure_2a"
    with pytest.raises(ConfigError, match=message):
        loaded(small).check()


def test_a_language_without_text_stops_before_anything_runs(
    small: dict[str, Any], tmp_path: Path
) -> None:
    """Not one that a cell takes, which the grid refuses, but one of the vocabulary's."""
    for iso in ("en", "fr"):
        (tmp_path / f"{iso}.txt").write_text("some text\n")
    small["corpora"] = {"source": "files", "folder": str(tmp_path), "sizes": "folder"}
    small["language_sets"] = {"two": {"include": ["en", "fr"]}, "three": {"include": ["en", "sw"]}}
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": ["equal_steps"]}
    small["experiments"] = {"main": {"axes": axes, "add_languages": []}}
    small["vocabulary"]["language_set"] = "three"
    small["figures"] = []
    with pytest.raises(ConfigError, match=f"no text for sw in {tmp_path}; add it"):
        loaded(small).check()
    (tmp_path / "sw.txt").write_text("")
    told = rf"no text for sw in {tmp_path} \(empty: {tmp_path}/sw\.txt\); add it"
    with pytest.raises(ConfigError, match=told):
        loaded(small).check()
    small["vocabulary"]["language_set"] = "two"
    loaded(small).check()


def test_a_figure_of_the_architecture_shows_the_cell_that_fits(small: dict[str, Any]) -> None:
    small["figures"] = ["figure_1", "figure_2a", "figure_3"]
    axes = {"variant": ["xmod", "adapters"], "language_set": [30, 13]}
    small["experiments"]["adapters"] = {"axes": axes}
    dag = loaded(small)
    dag.check()
    assert dag.architectures == ["figure_1", "figure_3"]
    (cell,) = json.loads(dag.architecture_text("figure_1"))["cells"]
    assert (cell["cell"], cell["budget_updates"]) == ("xmod.toy.13.1500", 1500)
    assert list(cell["extension_updates"]) == list(dag.table.added("13"))
    adapters, xmod = json.loads(dag.architecture_text("figure_3"))["cells"]
    assert (adapters["cell"], xmod) == ("adapters.toy.13.1500", cell)
    assert "![figure_3](figure_3.png)" in dag.captions()


def test_a_figure_of_the_architecture_needs_a_cell(small: dict[str, Any]) -> None:
    small["figures"] = ["figure_1"]
    small["experiments"]["main"]["axes"]["variant"] = ["shared"]
    with pytest.raises(ConfigError, match=r"architectures\.figure_1: no cell of variant 'xmod'"):
        loaded(small).check()
    small["experiments"]["other"] = small["experiments"].pop("main")
    with pytest.raises(ConfigError, match=r"architectures\.figure_1\.experiment: .* no 'main'"):
        loaded(small).check()
