"""The plan of tasks: what an axis, a seed or a language set runs, and what it leaves alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.small_tasks import PRETRAINED, Key, cells, texts, with_tasks
from tests.unit.test_jobs import loaded
from xmod.config_errors import ConfigError
from xmod.dag import Dag
from xmod.task_dag import DATA_STAGES


@pytest.fixture
def raw(small: dict[str, Any]) -> dict[str, Any]:
    return with_tasks(small)


def set_axis(raw: dict[str, Any], key: str, values: list[Any]) -> None:
    raw["experiments"]["main"]["axes"][key] = values


def stages_of(found: set[Key]) -> set[tuple[str, str]]:
    """(stage, task) of jobs."""
    return {(stage, task) for stage, task, _, _ in found}


def message(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(raw).check()
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "values", "stages"),
    [
        ("tasks.nli.max_length", [32, 24], {"features", "added_features", "finetune", "evaluate"}),
        ("tasks.nli.finetune.weight_decay", [0.01, 0.1], {"finetune", "evaluate"}),
        ("tasks.nli.max_answer_tokens", [30, 9], {"evaluate"}),
        (
            "tasks.nli.train.max_examples",
            [None, 9],
            {"tasks", "features", "added_features", "finetune", "evaluate"},
        ),
    ],
)
def test_an_axis_of_a_task_runs_what_depends_on_it(
    raw: dict[str, Any], key: str, values: list[Any], stages: set[str]
) -> None:
    """At its new value, and of this task alone: what was there stays as it was."""
    before = texts(raw)
    set_axis(raw, key, values)
    after = texts(raw)
    assert before.items() < after.items()
    new = after.keys() - before.keys()
    assert stages_of(new) == {(stage, "nli") for stage in stages}
    for stage, _, name, _ in new:
        assert name.endswith(f"{key}={json.dumps(values[1])}"), (stage, name)
    for (stage, _, name, _), text in after.items():
        if stage in ("finetune", "evaluate"):
            assert json.loads(text)["cell"] == name, "or runs of two cells would be one's"


@pytest.mark.parametrize("key", ["perplexity.mask_rounds", "perplexity.seed"])
def test_an_axis_of_perplexity_is_nothing_to_tasks(raw: dict[str, Any], key: str) -> None:
    before = texts(raw)
    set_axis(raw, key, [1, 2])
    assert texts(raw) == before


def test_an_axis_of_extension_is_measured_and_not_trained(raw: dict[str, Any]) -> None:
    before = texts(raw)
    set_axis(raw, "extend.peak_learning_rate", [0.001, 0.003])
    after = texts(raw)
    new = after.keys() - before.keys()
    assert stages_of(new) == {("evaluate", task) for task in ("nli", "ner", "qa")}
    dag = loaded(raw)
    for task in ("nli", "ner", "qa"):
        assert len(cells(dag, "evaluate", task)) == 2 * len(cells(dag, "finetune", task))
        folders = {
            dag.tasks.folder("finetune", task, cell) for cell in cells(dag, "evaluate", task)
        }
        assert len(folders) == len(cells(dag, "finetune", task))


def test_an_axis_of_extension_trains_where_it_added_the_source(raw: dict[str, Any]) -> None:
    """As in the paper's Model 2, whose English was added."""
    main = raw["experiments"]["main"]
    main["axes"]["language_set"] = ["two"]
    main["add_languages"] = ["en", "de"]
    before = texts(raw)
    set_axis(raw, "extend.peak_learning_rate", [0.001, 0.003])
    new = texts(raw).keys() - before.keys()
    assert stages_of(new) == {
        (stage, task) for stage in ("finetune", "evaluate") for task in ("nli", "ner", "qa")
    }


def test_an_axis_of_pretraining_runs_every_cell_and_no_data(raw: dict[str, Any]) -> None:
    before = texts(raw)
    set_axis(raw, "seed", [1, 2])
    new = texts(raw).keys() - before.keys()
    assert {stage for stage, _ in stages_of(new)} == {"finetune", "evaluate"}
    assert all(name.endswith("+seed=2") for _, _, name, _ in new)


@pytest.mark.parametrize("size", [1, 4])
def test_a_further_seed_runs_its_runs_only(raw: dict[str, Any], size: int) -> None:
    """Where they fill jobs of their own."""
    raw["jobs"]["runs_per_job"] = size
    raw["tasks"] = {"nli": raw["tasks"]["nli"]}
    before = texts(raw)
    raw["tasks"]["nli"]["seeds"] = 4
    after = texts(raw)
    assert before.items() < after.items()
    runs = [run for key in after.keys() - before.keys() for run in json.loads(after[key])["runs"]]
    assert {run["seed"] for run in runs} == {3, 4}


def test_evaluations_are_cut_as_fine_tuning_unless_told(raw: dict[str, Any]) -> None:
    """Another cut of them fine-tunes nothing again, and asks for the same scores."""
    before, wanted = texts(raw), loaded(raw).tasks.scores("nli")
    raw["jobs"]["evaluations_per_job"] = 2
    after = texts(raw)
    assert {key[0] for key, _ in before.items() ^ after.items()} == {"evaluate"}
    num_jobs = [sum(key[0] == "evaluate" for key in found) for found in (before, after)]
    assert num_jobs[0] == 2 * num_jobs[1] > 0
    assert loaded(raw).tasks.scores("nli") == wanted


def test_a_grid_needs_no_tasks(raw: dict[str, Any]) -> None:
    raw["tasks"] = {}
    set_axis(raw, "seed", [1, 2])
    dag = loaded(raw)
    dag.check()
    assert dag.tasks.cells == {}
    assert dag.tasks.all_selected() == []


SETS = st.sets(st.sampled_from([*PRETRAINED, "ar", "sw", "ko", "ta"]), min_size=1)


@settings(max_examples=15, deadline=None)
@given(isos=SETS)
def test_a_further_language_set_changes_no_job(shipped: dict[str, Any], isos: set[str]) -> None:
    raw = with_tasks(shipped["small"])
    before = texts(raw)
    raw["language_sets"]["more"] = {"include": sorted(isos)}
    raw["experiments"]["main"]["axes"]["language_set"].append("more")
    raw["experiments"]["main"]["add_languages"] = ["de", "tr", "is", "en"]
    after = texts(raw)
    assert before.items() <= after.items()
    new = after.keys() - before.keys()
    assert all(".more." in name for stage, _, name, _ in new if stage not in DATA_STAGES)
    assert {part for stage, _, _, part in new if stage in DATA_STAGES} <= {"job-en"}


def test_an_experiment_evaluates_what_it_says(raw: dict[str, Any]) -> None:
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": [10]}
    raw["experiments"]["other"] = {"axes": axes, "add_languages": ["en"], "evaluate": ["qa"]}
    raw["experiments"]["main"]["evaluate"] = ["nli", "qa"]
    dag = loaded(raw)
    found = {task: {cell.language_set for cell in of} for task, of in dag.tasks.cells.items()}
    assert found == {"nli": {"three"}, "qa": {"three", "two"}}


def outputs(dag: Dag) -> set[str]:
    """Every file that some rule of a task declares."""
    tasks, found = dag.tasks, set()
    for task in tasks.cells:
        for scope in tasks.scopes("tasks", task):
            names = ("manifest.json", "baselines.json")
            found |= {dag.paths.task_file("tasks", task, scope, name) for name in names}
        for scope in tasks.scopes("features", task):
            found |= set(tasks.features(task, scope))
        for scope in tasks.scopes("added_features", task):
            for batch in tasks.added_batches(task):
                found |= set(tasks.added_features(task, scope, batch))
        for runs in tasks.run_batches("finetune", task):
            for cell in cells(dag, "finetune", task):
                found |= set(tasks.finetuned_files(task, cell, runs))
        for runs in tasks.run_batches("evaluate", task):
            for cell in cells(dag, "evaluate", task):
                found |= set(tasks.score_files(task, cell, runs))
    return found


def files_in(value: object) -> set[str]:
    if isinstance(value, str):
        return {value}
    return set().union(*map(files_in, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("model", [1, 2])
def test_every_input_is_some_rules_output(raw: dict[str, Any], model: int) -> None:
    """With and without an added source, and with axes everywhere."""
    main = raw["experiments"]["main"]
    if model == 2:
        main["axes"]["language_set"] = ["two"]
        main["add_languages"] = ["en", "de", "tr"]
    set_axis(raw, "tasks.nli.max_length", [32, 24])
    set_axis(raw, "extend.vocabulary.size", [1500, 1600])
    set_axis(raw, "seed", [1, 2])
    dag = loaded(raw)
    made, tasks = outputs(dag), dag.tasks
    checked = 0
    for task in tasks.cells:
        for cell in cells(dag, "finetune", task):
            inputs = tasks.finetune_inputs(task, cell)
            assert ("extension" in inputs) == (model == 2)
            assert (tasks.finetune_extension(task, cell) != "") == (model == 2)
            assert inputs["features"] in made
        for cell in cells(dag, "evaluate", task):
            for batch in tasks.run_batches("evaluate", task):
                inputs = tasks.evaluate_inputs(task, cell, batch)
                for key in ("finetuned", "examples", "features", "added_features"):
                    assert files_in(inputs[key]) <= made, key
                    checked += len(files_in(inputs[key]))
        assert set(tasks.scores(task)) <= made
    assert checked > 100


def test_an_added_sources_files_are_its_extensions(raw: dict[str, Any]) -> None:
    main = raw["experiments"]["main"]
    main["axes"] |= {"variant": ["xmod"], "language_set": ["two"]}
    main["add_languages"] = ["en", "de"]
    dag = loaded(raw)
    (cell,) = cells(dag, "finetune", "nli")
    inputs = dag.tasks.finetune_inputs("nli", cell)
    folder = "results/small/"
    assert inputs["features"] == f"{folder}added_features/nli/default/en/train.features"
    assert inputs["extension"] == f"{folder}extend/{cell}/en/extension.safetensors"
    assert dag.tasks.finetune_extension("nli", cell) == (
        f"--extension {inputs['extension']} "
        f"--extension-vocabulary {folder}added_vocabulary/default/en/spm.model"
    )
    job = json.loads(dag.tasks.job_text("finetune", "nli", cell, "job-" + batch_name(dag)))
    assert job["source_is_added"]


def batch_name(dag: Dag) -> str:
    return dag.tasks.run_batches("finetune", "nli")[0].name


def test_languages_without_the_task_are_not_waited_for(raw: dict[str, Any]) -> None:
    """Icelandic is added to every cell, and has no task."""
    dag = loaded(raw)
    (cell, _) = cells(dag, "evaluate", "nli")
    inputs = dag.tasks.evaluate_inputs("nli", cell, dag.tasks.run_batches("evaluate", "nli")[0])
    assert inputs["extensions"] == [dag.tasks.extension_list("nli", cell)]
    listed = dag.tasks.listed_extensions("nli", cell)
    assert [Path(path).parent.name for path in listed] == ["de"]
    raw["experiments"]["main"]["add_languages"] = ["is"]
    dag = loaded(raw)
    inputs = dag.tasks.evaluate_inputs("nli", cell, dag.tasks.run_batches("evaluate", "nli")[0])
    assert inputs["extensions"] == inputs["added_features"] == []
    assert dag.tasks.extensions("nli", cell) == ""


def test_a_pattern_is_of_its_cells_alone(raw: dict[str, Any]) -> None:
    raw["experiments"]["main"]["evaluate"] = ["nli"]
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": [10]}
    raw["experiments"]["other"] = {"axes": axes, "add_languages": ["en"], "evaluate": ["qa"]}
    dag = loaded(raw)
    every = {cell.at("evaluate", "nli").id for cell in dag.grid.cells}
    pattern = dag.tasks.cell_pattern("evaluate", "nli")
    found = {cell for cell in every if re.fullmatch(pattern, cell)}
    assert found == set(cells(dag, "evaluate", "nli")) < every


def test_a_source_that_a_cell_has_neither_way_is_told(raw: dict[str, Any]) -> None:
    raw["experiments"]["main"]["axes"]["language_set"] = ["three", "two"]
    told = message(raw)
    assert told.startswith("test.yaml: tasks.nli.source: 'en' is neither pre-trained in cell ")
    assert ".two.10 nor added to it" in told
    raw["experiments"]["main"]["add_languages"] = ["en"]
    loaded(raw).check()


@pytest.mark.parametrize(
    ("task", "changes", "told"),
    [
        (
            "nli",
            {"development": {"format": "xnli", "path": "dev.tsv", "languages": ["en", "ko"]}},
            "tasks.nli.select_by: 'pretrained', but development.languages has none that cell ",
        ),
        ("ner", {"max_length": 33}, "tasks.ner.max_length: 33 exceeds model.max_positions, 32 in"),
        (
            "qa",
            {"tests": {"xnli": {"format": "squad", "path": "a.json"}}},
            "tasks.qa.tests: 'xnli' is a set of tasks.nli too; results go by the sets' names",
        ),
    ],
)
def test_what_would_fail_at_the_end_is_told_at_the_start(
    raw: dict[str, Any], task: str, changes: dict[str, Any], told: str
) -> None:
    main = raw["experiments"]["main"]
    main["axes"]["language_set"] = ["two"]
    main["add_languages"] = ["en"]
    raw["tasks"]["nli"]["development"]["languages"] = ["en", "fr"]
    loaded(raw).check()
    raw["tasks"][task] |= changes
    assert message(raw).startswith(f"test.yaml: {told}")
    main["evaluate"] = [name for name in raw["tasks"] if name != task]
    loaded(raw).check()


@pytest.mark.parametrize(
    ("key", "values", "told"),
    [
        ("tasks.nli.seeds", [1, 2], "tasks.nli.seeds cannot be an axis"),
        ("tasks.nli.select_by", ["source"], "tasks.nli.select_by cannot be an axis"),
        ("tasks.nli.max_lenght", [1], "Did you mean 'tasks.nli.max_length'?"),
        ("tasks.nlu.max_length", [1], "Did you mean 'tasks.nli.max_length'?"),
        ("tasks.nli", [1], "axis tasks.nli is a section"),
        ("tasks.nli.train.path", ["a/b.tsv"], "'a/b.tsv' cannot stand in a cell's id"),
    ],
)
def test_what_can_be_no_axis_is_told(
    raw: dict[str, Any], key: str, values: list[Any], told: str
) -> None:
    set_axis(raw, key, values)
    with pytest.raises(ConfigError) as caught:
        loaded(raw)
    assert str(caught.value).startswith("test.yaml: experiments.main")
    assert told in str(caught.value)
