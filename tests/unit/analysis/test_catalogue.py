"""The declarations: twins are refused, and the page of captions says what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.analysis import synthetic
from xmod.analysis.catalogue import read_catalogue
from xmod.config_errors import ConfigError
from xmod.evaluated import EvaluatedSet
from xmod.measured import Measured


def test_a_figure_that_is_declared_twice_is_an_error(tmp_path: Path) -> None:
    text = synthetic.FIGURES.read_text(encoding="utf-8")
    twin = text.replace("  figure_9:", "  figure_2a:")
    path = tmp_path / "figures.yaml"
    path.write_text(twin, encoding="utf-8")
    message = r"figures\.yaml:\d+: figures\.figure_2a is given twice, in line \d+ already"
    with pytest.raises(ConfigError, match=message):
        read_catalogue(path)


def test_a_bare_no_among_languages_is_explained(tmp_path: Path) -> None:
    text = synthetic.FIGURES.read_text(encoding="utf-8")
    path = tmp_path / "figures.yaml"
    path.write_text(text.replace('{set: "13"}', "{only: [sv, no]}"), encoding="utf-8")
    message = r"figures\.figure_2a\.languages\.only\.1: false .*write it in quotes \(\"no\"\)"
    with pytest.raises(ConfigError, match=message):
        read_catalogue(path)


def test_captions_stand_below_their_figures() -> None:
    catalogue = read_catalogue(synthetic.FIGURES)
    page = catalogue.captions(["figure_9", "figure_2a"], ["table_1"])
    first, second = page.index("![figure_9](figure_9.png)"), page.index("![figure_2a]")
    assert first < page.index(catalogue.figure("figure_9").caption) < second
    assert "## figure_2a: Mean perplexity of the initial languages" in page
    assert page.endswith("## Tables\n\n- [table_1](../tables/table_1.md): Selection of languages")
    assert "Tables\n" not in catalogue.captions(["figure_9"], [])


POINTS = {
    "main": [
        {"variant": variant, "model.size": "toy", "language_set": "60", "budget": budget}
        for variant in ("xmod", "shared")
        for budget in ("equal_steps", "equal_examples")
    ]
}


METRICS = ("accuracy", "f1", "exact_match", "perplexity", "nll", "unigram_nll", "shuffled_nll")
METRICS += ("wrong_module_nll", "loss", "unknown_rate")
THERE = [
    Measured(experiment="main", stage=stage, task="mlm", metrics=METRICS, known=METRICS)
    for stage in ("perplexity", "pretrain")
]


def scored(*tasks: str) -> list[Measured]:
    """What is measured on text, and the sets of these names."""
    known = (*METRICS, *(f"{one}_chance" for one in METRICS), "f1_source_module")
    known = (*known, "f1_word_only", "f1_question_only", "accuracy_hypothesis_only")
    known += ("f1_other_module", "accuracy_source_module", "accuracy_other_module")
    return THERE + [
        Measured(experiment="main", stage="evaluate", task=task, metrics=METRICS, known=known)
        for task in tasks
    ]


def evaluated(*tasks: str, made: bool = False) -> list[EvaluatedSet]:
    facts = {"experiment": "main", "stage": "evaluate", "seeds": 5, "synthetic": made}
    return [EvaluatedSet.model_validate({**facts, "task": task}) for task in tasks]


def test_scores_of_a_configuration_without_tasks_are_refused_in_plain_words() -> None:
    catalogue, table = read_catalogue(synthetic.FIGURES), synthetic.languages()
    message = (
        r"^figures\.figure_4a\.task: experiment 'main' is not evaluated on 'xnli'; it is evaluated "
        r"on nothing\. Add its task to tasks, or to experiments\.main\.evaluate$"
    )
    with pytest.raises(ConfigError, match=message):
        catalogue.check_figure("figure_4a", POINTS, table, THERE)
    message = r"^tables\.table_2\.task: .* not evaluated on 'xquad'; legal: ner, xnli, mlqa\. "
    with pytest.raises(ConfigError, match=message):
        catalogue.check_table("table_2", POINTS, table, scored("ner", "xnli", "mlqa"))
    every = scored("xnli", "ner", "xquad", "mlqa")
    for name, figure in catalogue.figures.items():
        if figure.experiment == "main":
            catalogue.check_figure(name, POINTS, table, every)
    for name in catalogue.tables:
        catalogue.check_table(name, POINTS, table, every)


def test_captions_say_what_is_synthetic() -> None:
    catalogue = read_catalogue(synthetic.FIGURES)
    page = catalogue.captions(["figure_2b"], ["table_1", "table_2"], evaluated("ner", made=True))
    assert "## figure_2b: Mean of XNLI and NER (NER synthetic)" in page
    assert "NER is a synthetic set here, made by a program" in page
    assert "[table_1](../tables/table_1.md): Selection of languages" in page
    assert "Scores of the initial languages (NER synthetic)" in page
    both = catalogue.captions(["figure_2b"], [], evaluated("ner", "xnli", made=True))
    assert "## figure_2b: Mean of XNLI and NER (synthetic)" in both
    assert "XNLI and NER are synthetic sets here" in both
    assert "synthetic" not in catalogue.captions(["figure_2b"], ["table_2"], evaluated("ner"))
