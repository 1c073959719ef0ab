"""What a run measures: the names, by experiment, that a figure may show."""

from __future__ import annotations

import copy
from typing import Any

from xmod.config import parse
from xmod.measured import CURVES, PERPLEXITY, WRONG_MODULE, Measured, measured

POINTS = {"main": [{"variant": "shared"}, {"variant": "xmod"}], "plain": [{"variant": "shared"}]}


def found(small: dict[str, Any], tasks: dict[str, Any]) -> dict[tuple[str, str, str], Measured]:
    raw = copy.deepcopy(small) | {"tasks": tasks}
    raw["experiments"]["plain"] = {**raw["experiments"]["main"], "evaluate": ["nli"]}
    every = measured(parse(raw, origin="test.yaml"), POINTS)
    return {(one.experiment, one.stage, one.task): one for one in every}


def test_text_is_measured_in_every_experiment(small: dict[str, Any]) -> None:
    every = found(small, {"nli": NLI})
    for experiment in POINTS:
        assert every[experiment, "pretrain", "mlm"].metrics == CURVES
    assert every["main", "perplexity", "mlm"].metrics == (*PERPLEXITY, WRONG_MODULE)
    assert every["plain", "perplexity", "mlm"].metrics == PERPLEXITY
    assert every["plain", "perplexity", "mlm"].known == (*PERPLEXITY, WRONG_MODULE)


FILES = {"format": "synthetic", "max_examples": 36}
NLI = {
    **{"kind": "nli", "train": FILES, "development": FILES, "tests": {"xnli": FILES}},
    "controls": ["source_module"],
}


def test_sets_have_their_tasks_metrics_baselines_and_controls(small: dict[str, Any]) -> None:
    every = found(small, {"nli": NLI, "ner": NLI | {"kind": "ner", "tests": {"names": FILES}}})
    assert every["main", "evaluate", "xnli"].metrics == (
        *("accuracy", "accuracy_chance", "accuracy_majority"),
        *("accuracy_hypothesis_only", "accuracy_premise_only"),
        *("accuracy_hypothesis_only_in_language", "accuracy_premise_only_in_language"),
        "accuracy_source_module",
    )
    development = every["main", "development", "nli"]
    assert development.metrics == ("accuracy", "accuracy_source_module")
    assert development.known == (*development.metrics, "accuracy_other_module")
    assert every["plain", "development", "nli"].metrics == ("accuracy",), "no modules to choose"
    assert ("main", "evaluate", "names") in every
    assert ("plain", "evaluate", "names") not in every
