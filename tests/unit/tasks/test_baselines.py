"""Baselines find what a set gives away, and nothing where it gives nothing away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xmod.config_tasks import TaskKind
from xmod.measure_baselines import main
from xmod.measured import TASK_METRICS, baselines
from xmod.tasks.baselines import measure_baselines
from xmod.tasks.examples import (
    Answer,
    Example,
    NerExample,
    NliExample,
    QaExample,
    TaskDataError,
    write_examples,
)
from xmod.tasks.ngrams import NgramClassifier

CUES = {"entailment": "some", "neutral": "perhaps", "contradiction": "nobody"}


def nli(number: int, *, is_biased: bool = True) -> NliExample:
    """The hypothesis has a word for its label, or the same for all."""
    label = tuple(CUES)[number % 3]
    cue = CUES[label] if is_biased else "they"
    return NliExample(f"id-{number}", f"premise {number // 3}", f"{cue} sleep {number // 3}", label)


def test_a_biased_hypothesis_is_found_out() -> None:
    train, test = [nli(n) for n in range(90)], [nli(n) for n in range(90, 150)]
    found = measure_baselines("nli", train=train, development={}, test={"fr": test})["fr"]
    assert found["hypothesis only"]["accuracy"] == 100
    assert found["premise only"]["accuracy"] == pytest.approx(100 / 3)
    assert found["chance"]["accuracy"] == found["majority"]["accuracy"] == pytest.approx(100 / 3)
    assert set(found) == {"chance", "majority", "hypothesis only", "premise only"}


def test_a_target_learns_from_its_own_development_set() -> None:
    train = [nli(n, is_biased=False) for n in range(90)]
    sets = {"fr": [nli(n) for n in range(90)]}
    found = measure_baselines("nli", train=train, development=sets, test=sets)["fr"]
    assert found["hypothesis only (in language)"]["accuracy"] == 100
    assert found["hypothesis only"]["accuracy"] == pytest.approx(100 / 3)


def ner(number: int, word: str) -> NerExample:
    return NerExample(f"id-{number}", ("in", word, "it", "rains"), ("O", "B-LOC", "O", "O"))


def test_words_and_contexts_are_seen_apart() -> None:
    train = [ner(n, word) for n, word in enumerate(["Genoa", "Verona", "Ancona"] * 20)]
    new = [ner(n, word) for n, word in enumerate(["Oslo", "Bergen"])]
    found = measure_baselines("ner", train=train, development={}, test={"no": new})["no"]
    assert found["majority"]["f1"] == found["word memorised"]["f1"] == 0
    assert found["context only"]["f1"] == 100
    assert 0 < found["chance"]["f1"] < 60
    known = measure_baselines("ner", train=train, development={}, test={"it": train})["it"]
    assert known["word memorised"]["f1"] == known["word only"]["f1"] == 100


def qa(number: int, question: str, answer: str) -> QaExample:
    context = f"red cat {number} blue dog {number}"
    return QaExample(
        f"id-{number}-{answer}", question, context, (Answer(context.index(answer), answer),)
    )


def test_a_question_that_knows_the_place_is_found_out() -> None:
    examples = [
        qa(number, question, answer)
        for number in range(30)
        for question, answer in (("what comes first", "cat"), ("what is last", "dog"))
    ]
    found = measure_baselines("qa", train=examples, development={}, test={"en": examples})["en"]
    assert found["question only"]["exact_match"] == 100
    for name in ("chance", "first answer", "context only"):
        assert found[name] == pytest.approx({"f1": 50, "exact_match": 50}), name


@pytest.mark.parametrize(
    ("kind", "examples"),
    [
        ("nli", [nli(number) for number in range(6)]),
        ("ner", [ner(number, "Oslo") for number in range(6)]),
        ("qa", [qa(number, "what comes first", "cat") for number in range(6)]),
    ],
)
def test_their_names_are_those_that_a_figure_may_show(
    kind: TaskKind, examples: list[Example], tmp_path: Path
) -> None:
    for name in ("train", "development", "test"):
        write_examples(tmp_path / "sets" / name / "en.jsonl", examples)
    output = tmp_path / "baselines.json"
    main(["--sets", str(tmp_path / "sets"), "--kind", kind, "--output", str(output)])
    records = json.loads(output.read_text())["records"]
    assert {one["baseline"] for one in records} == set(baselines(kind))
    assert {one["metric"] for one in records} == set(TASK_METRICS[kind])


def test_the_only_answer_of_a_context_is_not_given_away() -> None:
    """As in MLQA: to choose among one answer would be to know it."""
    context = " ".join(f"word{number}" for number in range(100))
    examples = [
        QaExample(
            f"id-{n}", "which", f"{n} {context}", (Answer(context.index("word50"), "word50"),)
        )
        for n in range(20)
    ]
    found = measure_baselines("qa", train=examples, development={}, test={"en": examples})["en"]
    for name in ("chance", "first answer", "question only", "context only"):
        assert found[name]["f1"] < 10, name


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="set test, fr"):
        measure_baselines("nli", train=[nli(0)], development={}, test={"fr": []})
    with pytest.raises(ValueError, match="set train"):
        measure_baselines("nli", train=[], development={}, test={"fr": [nli(0)]})


def test_a_classifier_goes_by_words_and_letters() -> None:
    classifier = NgramClassifier([("running", "verb"), ("sleeping", "verb"), ("house", "noun")])
    assert classifier.classes == ["noun", "verb"]
    assert classifier.predict("walking") == "verb"
    assert classifier.predict("mouse") == "noun"
    assert NgramClassifier([("", "a"), ("", "b"), ("", "b")]).predict("") == "b"
    with pytest.raises(ValueError, match="at least one"):
        NgramClassifier([])


def test_the_command_writes_and_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, languages in (("train", ["en"]), ("development", ["en"]), ("xnli", ["en", "fr"])):
        for iso in languages:
            write_examples(tmp_path / "sets" / name / f"{iso}.jsonl", [nli(n) for n in range(30)])
    output = tmp_path / "baselines.json"
    main(["--sets", str(tmp_path / "sets"), "--kind", "nli", "--output", str(output)])
    records = json.loads(output.read_text())["records"]
    assert {(one["set"], one["language"]) for one in records} == {("xnli", "en"), ("xnli", "fr")}
    assert sum("in_language" in one["baseline"] for one in records) == 2
    printed = capsys.readouterr().out
    assert "xnli, 2 languages, 30 examples each" in printed
    assert "| hypothesis only | accuracy | 100.0 | 100.0 | 100.0 | 100.0 |" in printed
    assert "| hypothesis only (in language) | accuracy | 100.0 |  |  |  |" in printed
    with pytest.raises(TaskDataError, match=r"no train/de\.jsonl"):
        main(
            [
                *("--sets", str(tmp_path / "sets"), "--kind", "nli"),
                *("--source", "de", "--output", str(output)),
            ]
        )
