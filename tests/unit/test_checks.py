"""What is looked at before anything runs: data that are there, figures that show something."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_jobs import ROOT, loaded
from xmod.config_errors import ConfigError
from xmod.dag import Dag


def message(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(raw).check()
    return str(caught.value)


def test_the_papers_data_are_missed_and_its_grid_is_planned(paper: dict[str, Any]) -> None:
    dag = loaded(paper)
    dag.check()
    assert dag.missing_data() == [], "it will be fetched"
    paper |= {"sources": {"fetch": "offline"}, "data": "nowhere"}
    missing = loaded(paper).missing_data()
    told = {told.split("/")[1]: told for told in missing if "sources.fetch" in told}
    assert told.keys() == {"xlmr", "cc100"}
    assert told["xlmr"].startswith(
        "test.yaml: sources.fetch: offline, and nowhere/xlmr/sentencepiece.bpe.model is missing: "
        "fetch https://"
    )
    assert "5,069,051 bytes, SHA-256 cfc8146a" in told["xlmr"]
    assert "nowhere/cc100/en.txt.xz is missing" in told["cc100"]
    assert "zh-Hans.txt.xz" in told["cc100"]


def test_a_corpus_without_a_way_to_it_is_refused(paper: dict[str, Any]) -> None:
    del paper["sources"]
    with pytest.raises(ConfigError, match=r"corpora\.source: cc100 needs sources\.fetch"):
        loaded(paper)


def test_embedded_text_is_missed_by_no_one(small: dict[str, Any]) -> None:
    assert loaded(small).missing_data() == []


def test_data_that_are_there_are_not_missed(paper: dict[str, Any], tmp_path: Path) -> None:
    for iso in loaded(paper).table.isos:
        (tmp_path / f"{iso}.txt.xz").write_bytes(b"")
    del paper["sources"]
    paper["corpora"] = {"source": "files", "folder": str(tmp_path), "sizes": "cc100_mb"}
    paper["vocabulary"]["model"] = str(tmp_path / "en.txt.xz")
    assert loaded(paper).missing_data() == []


def test_a_language_without_a_file_is_missed_where_a_cell_takes_it(
    paper: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "en.txt").write_bytes(b"")
    del paper["sources"]
    paper["corpora"] = {"source": "files", "folder": str(tmp_path), "sizes": "cc100_mb"}
    paper["vocabulary"]["model"] = str(tmp_path / "en.txt")
    paper["language_sets"] = {"one": {"include": ["en"]}}
    axes = {"variant": ["xmod"], "language_set": ["one"], "budget": [10]}
    paper["experiments"] = {"main": {"axes": axes}}
    paper["jobs"]["languages_per_job"] = 3
    assert loaded(paper).missing_data() == [], "Arabic and French come next, but no cell has them"
    paper["language_sets"]["one"]["include"] += ["fr", "ar"]
    (told,) = loaded(paper).missing_data()
    assert f"corpora.folder: {tmp_path} has no file for ar, fr; add <iso>.txt" in told


TASK = {
    "kind": "nli",
    "train": {"format": "mnli", "path": "train.tsv"},
    "development": {"format": "xnli", "path": "dev.tsv", "languages": ["en", "de"]},
    "tests": {"test": {"format": "xnli", "path": "test.tsv", "languages": ["en", "tr"]}},
}


def test_a_tasks_files_are_missed_where_a_cell_is_evaluated_on_it(small: dict[str, Any]) -> None:
    small["tasks"] = {"xnli": TASK}
    missing = loaded(small).missing_data()
    assert [message.partition(", of")[0] for message in missing] == [
        f"test.yaml: tasks.xnli: no file '{name}.tsv'" for name in ("train", "dev", "test")
    ]
    small["experiments"]["main"]["evaluate"] = []
    assert loaded(small).missing_data() == []


def test_a_sets_files_are_missed_in_one_message(small: dict[str, Any]) -> None:
    small["tasks"] = {"xnli": copy.deepcopy(TASK)}
    test = {"format": "xnli", "path": "{code}/test.tsv", "languages": ["en", "de", "tr"]}
    small["tasks"]["xnli"]["tests"]["test"] = test
    told = loaded(small).missing_data()[2]
    assert "no file 'en/test.tsv' and 2 more, of its set 'test'; put it there, or" in told


def test_a_language_that_mlqas_folder_lacks_is_missed(
    small: dict[str, Any], tmp_path: Path
) -> None:
    names = (
        "dev-context-en-question-en",
        "dev-context-de-question-en",
        "dev-context-tr-question-tr",
    )
    for name in names[:2]:
        place = tmp_path / "dev" / f"{name}.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text("{}")
    mlqa = {"format": "mlqa", "path": f"{tmp_path}/", "split": "dev"}
    squad = {"format": "squad", "path": str(tmp_path / "dev" / f"{names[0]}.json")}
    own = {
        "own": mlqa | {"languages": ["en", "tr"]},
        "english": mlqa | {"languages": ["en", "de"], "question_language": "en"},
    }
    small["tasks"] = {"qa": {"kind": "qa", "train": squad, "development": squad, "tests": own}}
    small["model"]["max_positions"] = 512
    (told,) = loaded(small).missing_data()
    assert f"tasks.qa: no file '{tmp_path}/dev/{names[2]}.json', of its set 'own'; put" in told


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("evaluate", ["xnly"], "experiments.main.evaluate: no task 'xnly'; legal: xnli. Did you"),
        ("languages", ["en", "german"], "tasks.xnli, set test: languages: unknown language 'germa"),
    ],
)
def test_a_task_or_its_language_that_is_not_there_is_told(
    small: dict[str, Any], key: str, value: list[str], told: str
) -> None:
    small["tasks"] = {"xnli": copy.deepcopy(TASK)}
    place = small["experiments"]["main"] if key == "evaluate" else small["tasks"]["xnli"]["tests"]
    (place if key == "evaluate" else place["test"])[key] = value
    assert message(small).startswith(f"test.yaml: {told}")


def test_no_folder_of_sizes_is_told_at_once(small: dict[str, Any]) -> None:
    """Without it there is no grid to plan, so it is no matter of running."""
    small["corpora"] = {"source": "files", "folder": "nowhere"}
    assert message(small).startswith("test.yaml: corpora.folder: no folder 'nowhere'; put")


@pytest.mark.parametrize("key", ["languages", "catalogue"])
def test_a_table_that_is_not_there_is_told(small: dict[str, Any], key: str) -> None:
    small["languages"] = str(ROOT / "config/languages.tsv")
    small[key] = "nowhere.tsv"
    with pytest.raises(ConfigError, match=f"^my.yaml: {key}: no file 'nowhere.tsv'"):
        Dag.load(small, origin="my.yaml").check()


def test_twins_in_the_files_are_told_first(small: dict[str, Any], tmp_path: Path) -> None:
    """Snakemake reads over them: what it hands on has one of them only."""
    file = tmp_path / "my.yaml"
    file.write_text("name: a\nname: b\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"my\.yaml:2: name is given twice"):
        Dag.load(small, origin="my.yaml", files=[file])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"experiments": {}}, "experiments: there is none"),
        ({"experiments": {"main": {}}}, "experiments.main has neither axes nor cells"),
        ({"tables": ["table_0"]}, "tables: 'table_0' is not declared in "),
    ],
)
def test_the_configuration_is_named(
    small: dict[str, Any], changes: dict[str, Any], told: str
) -> None:
    assert message({**small, **changes}).startswith(f"test.yaml: {told}")


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("figure_2a", {"hue": "pretrain.sampling_alpha"}, "hue: 'pretrain.sampling_alpha' is no "),
        ("figure_2a", {"x": "value"}, "x: 'value' is no column; legal: variant, model.size"),
        ("figure_2a", {"average_over": "lang"}, "average_over: 'lang' is no column; "),
        ("figure_2a", {"order": {"variants": ["xmod"]}}, "order: 'variants' is no column; "),
        ("figure_2a", {"experiment": "swap"}, "experiment: the configuration has no '"),
        ("figure_2a", {"where": {"seed": 1}}, "where: no axis 'seed'; legal: variant, model.size"),
        ("figure_2a", {"where": {"variant": "xmud"}}, "where.variant: no cell of experiment 'mai"),
        ("figure_2a", {"languages": {"set": "14"}}, "languages: unknown language set '14'; "),
        ("figure_2a", {"languages": {"only": ["xx"]}}, "languages: unknown language 'xx'; "),
        ("table_perplexity", {"rows": ["budgets"]}, "rows: 'budgets' is no column; "),
        ("table_perplexity", {"compare": "budgets"}, "compare: 'budgets' is not in rows; legal: "),
        ("table_perplexity", {"experiment": "swap"}, "experiment: the configuration has no 'sw"),
    ],
)
def test_a_figure_of_what_the_grid_lacks_is_told_with_its_file(
    small: dict[str, Any], tmp_path: Path, name: str, changes: dict[str, Any], told: str
) -> None:
    """Before anything runs: drawing it would fail when all is trained."""
    kind = name.partition("_")[0] + "s"
    declared = yaml.safe_load((ROOT / "config/figures.yaml").read_text(encoding="utf-8"))
    declared[kind][name] |= changes
    catalogue = tmp_path / "figures.yaml"
    catalogue.write_text(yaml.safe_dump(declared), encoding="utf-8")
    small |= {"catalogue": str(catalogue), "languages": str(ROOT / "config/languages.tsv")}
    with pytest.raises(ConfigError) as caught:
        Dag.load(small, origin="my.yaml").check()
    assert str(caught.value).startswith(f"{catalogue}: {kind}.{name}.{told}")
    small[kind] = []
    Dag.load(small, origin="my.yaml").check()


CONTEXT = {
    **{"title": "Context", "caption": "Context.", "experiment": "main", "stage": "perplexity"},
    **{"task": "mlm", "metric": ["nll", "wrong_module_nll"], "x": "num_languages"},
    **{"x_label": "Languages", "average_over": "language", "y": {"label": "Nats"}},
}
SCORES = CONTEXT | {
    **{"stage": "evaluate", "task": ["xnli", "ner"], "metric": ["accuracy", "f1_other_module"]},
    "references": [{"metric": "{metric}_hypothesis_only", "label": "blind", "optional": True}],
}
BLOCKS: dict[str, Any] = {
    **{"kind": "by_language", "title": "Scores", "caption": "Scores.", "experiment": "main"},
    **{"stage": "evaluate", "blocks": [{"task": "ner", "metric": "f1", "label": "NER"}]},
    "baselines": [{"metric": "{metric}_word_only", "label": "word only"}],
}


def declared(
    raw: dict[str, Any],
    folder: Path,
    *,
    figures: dict[str, Any] | None = None,
    tables: dict[str, Any] | None = None,
) -> Dag:
    """`raw` with these declarations alone, all of them asked for."""
    catalogue = folder / "figures.yaml"
    catalogue.write_text(
        yaml.safe_dump({"figures": figures or {}, "tables": tables or {}}), encoding="utf-8"
    )
    kept = {"figures": list(figures or {}), "tables": list(tables or {})}
    raw = {**raw, **kept, "catalogue": str(catalogue)}
    return Dag.load(raw | {"languages": str(ROOT / "config/languages.tsv")}, origin="my.yaml")


def test_what_is_measured_can_be_shown(shipped: dict[str, Any], tmp_path: Path) -> None:
    figures = {"context": CONTEXT, "scores": SCORES}
    declared(shipped["small"], tmp_path, figures=figures, tables={"blocks": BLOCKS}).check()


@pytest.mark.parametrize(
    ("base", "changes", "told"),
    [
        (CONTEXT, {"metric": ["nll", "shufled_nll"]}, "metric: mlm (stage perplexity) has no metr"),
        (CONTEXT, {"metric": ["shufled_nll"]}, "Did you mean 'shuffled_nll'?"),
        (CONTEXT, {"stage": "perplex"}, "stage: 'perplex' is not possible; legal: 'pretrain' or "),
        (CONTEXT, {"stage": "perplex"}, "Did you mean 'perplexity'?"),
        (CONTEXT, {"task": "mlmm"}, "task: stage perplexity has no 'mlmm'; legal: mlm. Did you me"),
        (CONTEXT, {"where": {"variant": "shared"}, "experiment": "plain"}, "no variant of the exp"),
        (SCORES, {"task": ["xnly"]}, "'main' is not evaluated on 'xnly'; legal: xnli, ner, xquad"),
        (SCORES, {"metric": "acc"}, "no metric 'acc'; legal: accuracy, f1, and what stands beside"),
        (SCORES, {"metric": "f1_other_module", "task": "bare"}, "tasks.<name>.controls does not "),
        (
            SCORES,
            {"references": [{"metric": "acuracy_chance", "label": "", "optional": True}]},
            "references.0: xnli and ner (stage evaluate) has no metric 'acuracy_chance'; legal: ",
        ),
        (
            SCORES,
            {"references": [{"metric": "{metric}", "label": "", "experiment": "plane"}]},
            "references.0.experiment: the configuration has no 'plane'; legal: main, plain. Did ",
        ),
    ],
)
def test_a_figure_of_what_is_not_measured_is_told(
    shipped: dict[str, Any],
    tmp_path: Path,
    base: dict[str, Any],
    changes: dict[str, Any],
    told: str,
) -> None:
    """Before anything runs: drawing it would fail when all is trained."""
    raw = copy.deepcopy(shipped["small"])
    plain = {"variant": ["shared"], "language_set": ["13"], "budget": [10]}
    raw["experiments"] = {"main": raw["experiments"]["main"], "plain": {"axes": plain}}
    raw["tasks"]["own"] = raw["tasks"]["ner"] | {
        "controls": [],
        "tests": {"bare": raw["tasks"]["ner"]["tests"]["ner"]},
    }
    with pytest.raises(ConfigError) as caught:
        declared(raw, tmp_path, figures={"one": base | changes}).check()
    message = str(caught.value)
    assert f"{tmp_path}/figures.yaml: figures.one." in message
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (
            "baselines",
            {"metric": "{metric}_words_only"},
            "baselines.0.metric: ner (stage evaluate",
        ),
        ("blocks", {"metric": "f2"}, "blocks.0.metric: ner (stage evaluate) has no metric 'f2'; "),
        ("blocks", {"metric": "f1_modul", "optional": True}, "blocks.0.metric: ner (stage evalua"),
        ("stage", "pretrain", "stage: 'pretrain' is of curves, which figures show; legal: perple"),
    ],
)
def test_a_table_of_what_is_not_measured_is_told(
    shipped: dict[str, Any], tmp_path: Path, key: str, value: Any, told: str
) -> None:
    spec = copy.deepcopy(BLOCKS)
    if isinstance(value, dict):
        spec[key][0].update(value)
    else:
        spec[key] = value
    with pytest.raises(ConfigError) as caught:
        declared(shipped["small"], tmp_path, tables={"one": spec}).check()
    assert str(caught.value).startswith(f"{tmp_path}/figures.yaml: tables.one.{told}")
    assert str(caught.value).endswith("(or take one out of tables in my.yaml)")


def test_all_that_a_smaller_grid_cannot_have_is_told_at_once(shipped: dict[str, Any]) -> None:
    """With the lists that are left, which are legal as they stand."""
    raw = copy.deepcopy(shipped["small"])
    axes = {"variant": ["xmod"], "language_set": [13, 30], "budget": ["equal_steps"]}
    raw["experiments"] = {"main": {"axes": axes}}
    told = message(raw).split("\n")
    assert told[0].startswith("test.yaml: figures and tables: this grid cannot have 21 of them as ")
    assert told[7] == (
        "  figures.figure_8.experiment: the configuration has no 'checkpoints'; legal: main."
    )
    assert told[22].startswith("Take them out of test.yaml, which leaves what follows, or mend ")
    left = yaml.safe_load("\n".join(told[23:]))
    assert left.keys() == {"figures", "tables"}
    assert "figure_2a" in left["figures"]
    loaded(raw | left).check()
