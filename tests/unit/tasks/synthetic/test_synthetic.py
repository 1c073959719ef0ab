"""The embedded tasks: repeatable, balanced, right, and silent where only a part is seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby, islice
from pathlib import Path
from typing import get_args

import pytest

from tests.unit.tasks.synthetic.conftest import Make
from xmod.config_tasks import SYNTHETIC_BLOCKS, TaskKind
from xmod.data.packages import PackageError, find_package, read_packages
from xmod.tasks.baselines import measure_baselines
from xmod.tasks.examples import NER_TAGS, NLI_LABELS, Example, NerExample, NliExample, QaExample
from xmod.tasks.metrics.entities import score_entities
from xmod.tasks.synthetic import BLOCK_SIZES, LANGUAGES, generate, legal_languages, nli
from xmod.tasks.synthetic.material import Material, TaskSplit

ROOT = Path(__file__).parents[4]
KINDS: tuple[TaskKind, ...] = get_args(TaskKind)
SPLITS: tuple[TaskSplit, ...] = get_args(TaskSplit)
EVERY = [(kind, language) for kind in KINDS for language in legal_languages(kind)]
COUNT = 36
"""Whole blocks of every kind."""


def texts(example: Example) -> tuple[str, ...]:
    match example:
        case NliExample():
            return (example.premise, example.hypothesis)
        case NerExample():
            return example.words
        case QaExample():
            return (example.context,)


def names(examples: list[Example]) -> set[str]:
    """The words that are no numeral, range or comma."""
    words = {word for example in examples for text in texts(example) for word in text.split()}
    return {word for word in words if word.strip("IV-,")}


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_language_has_every_split(make: Make, kind: TaskKind, language: str) -> None:
    for split in SPLITS:
        examples = make(kind, language=language, split=split, count=COUNT)
        assert len(examples) == len({example.id for example in examples}) == COUNT
        assert names(examples)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_arguments_give_the_same_examples(make: Make, kind: TaskKind) -> None:
    arguments = {"language": "fi", "split": "test", "count": COUNT}
    once = make(kind, **arguments)
    assert make(kind, **arguments) == once
    assert make(kind, **{**arguments, "count": 2 * COUNT})[:COUNT] == once
    assert make(kind, **arguments, seed=2) != once
    assert make(kind, **{**arguments, "split": "development"}) != once


@pytest.mark.parametrize("kind", ["nli", "qa"])
def test_what_is_tested_was_never_trained_on(make: Make, kind: TaskKind) -> None:
    seen = names(make(kind, language="en", split="train", count=720))
    for language in legal_languages(kind):
        tested = names(make(kind, language=language, split="test", count=180))
        developed = names(make(kind, language=language, split="development", count=180))
        # Halves of two-word names are common to many (`red apple`, `red heart`): whole ones count.
        whole = {name for name in seen | developed if len(name) == 5}
        assert not whole & tested


def test_no_name_of_a_test_sentence_was_trained_on(make: Make) -> None:
    def entities(examples: list[Example]) -> set[str]:
        found = set()
        for one in examples:
            assert isinstance(one, NerExample)
            pairs = zip(one.words, one.tags, strict=True)
            for is_comma, group in groupby(pairs, key=lambda pair: pair[0] == ","):
                if not is_comma:
                    found.add(" ".join(word for word, _ in group))
        return found

    trained = entities(make("ner", language="en", split="train", count=900))
    for language in legal_languages("ner"):
        assert not trained & entities(make("ner", language=language, split="test", count=120))


def test_a_range_is_compared_rightly() -> None:
    assert nli.label_of((1, 2), (1, 2)) == "entailment"
    assert nli.label_of((1, 2), (0, 3)) == "entailment"
    assert nli.label_of((0, 3), (1, 2)) == "neutral"
    assert nli.label_of((0, 1), (1, 2)) == "neutral"
    assert nli.label_of((0, 1), (2, 3)) == "contradiction"
    assert nli.label_of((2, 3), (0, 1)) == "contradiction"


def test_each_premise_and_hypothesis_has_each_label_once(make: Make) -> None:
    for language in ("en", "th"):
        examples = iter(make("nli", language=language, split="test", count=10 * COUNT))
        while block := list(islice(examples, BLOCK_SIZES["nli"])):
            labels: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for one in block:
                assert isinstance(one, NliExample)
                labels["premise", one.premise].append(one.label)
                labels["hypothesis", one.hypothesis].append(one.label)
            assert len(labels) == 8
            assert all(sorted(found) == sorted(NLI_LABELS) for found in labels.values())


def test_answers_are_where_they_are_said_to_be(make: Make) -> None:
    for language in LANGUAGES:
        for one in make("qa", language=language, split="test", count=COUNT):
            assert isinstance(one, QaExample)
            (answer,) = one.answers
            assert one.context[answer.start :].startswith(answer.text)
            assert one.context[: answer.start].split()[-1] == one.question
            assert Counter(one.context.split())[one.question] == 1


def test_every_place_is_asked_for_as_often_by_every_numeral(make: Make) -> None:
    assert BLOCK_SIZES == SYNTHETIC_BLOCKS, "the configuration's check knows the same"
    size = BLOCK_SIZES["qa"]
    examples = make("qa", language="ka", split="test", count=10 * size)
    for first in range(0, len(examples), size):
        asked: Counter[tuple[str, int]] = Counter()
        for one in examples[first : first + size]:
            assert isinstance(one, QaExample)
            numerals = [word for word in one.context.split() if not word.strip("I")]
            asked[one.question, numerals.index(one.question)] += 1
        assert asked == Counter({(n, place): 1 for n in ("I", "II", "III") for place in range(3)})


@pytest.mark.parametrize("language", ["en", "th", "zh"])
def test_a_words_place_says_nothing_of_its_type(make: Make, language: str) -> None:
    """Half of the items are things; people and places are alike in number, place and length."""
    items: Counter[tuple[int, int, str]] = Counter()
    for one in make("ner", language=language, split="train", count=4000):
        assert isinstance(one, NerExample)
        assert set(one.tags) <= set(NER_TAGS)
        place = 0
        pairs = zip(one.words, one.tags, strict=True)
        for is_comma, group in groupby(pairs, key=lambda pair: pair[0] == ","):
            if not is_comma:
                tags = [tag for _, tag in group]
                assert tags[1:] in ([], [tags[0].replace("B-", "I-")])
                items[place, len(tags), tags[0]] += 1
                place += 1
        assert place == 3
    lengths = {length for _, length, _ in items}
    assert lengths == ({1} if language == "zh" else {1, 2})
    for place in range(3):
        for length in lengths:
            total = sum(n for (p, size, _), n in items.items() if (p, size) == (place, length))
            for tag, share in (("O", 0.5), ("B-PER", 0.25), ("B-LOC", 0.25)):
                assert items[place, length, tag] / total == pytest.approx(share, abs=0.05)


def test_one_type_for_every_name_scores_a_third(make: Make) -> None:
    examples = [
        one
        for one in make("ner", language="ru", split="test", count=2000)
        if isinstance(one, NerExample)
    ]
    starts = {
        one.id: [
            "O" if word == "," else "I-LOC" if before not in ("", ",") else "B-LOC"
            for before, word in zip(("", *one.words), one.words, strict=False)
        ]
        for one in examples
    }
    assert score_entities(examples, starts).f1 == pytest.approx(100 / 3, abs=2)


@pytest.mark.parametrize("language", ["en", "ar", "zh", "tr"])
def test_a_part_of_the_input_is_at_chance(make: Make, language: str) -> None:
    for kind, metric in (("nli", "accuracy"), ("qa", "exact_match")):
        train = make(kind, language="en", split="train", count=360)
        sets = {
            split: {language: make(kind, language=language, split=split, count=180)}
            for split in ("development", "test")
        }
        found = measure_baselines(kind, train=train, **sets)[language]
        assert len(found) == 6
        for name, scores in found.items():
            assert scores[metric] == pytest.approx(100 / 3), name


def test_what_cannot_be_made_is_refused(make: Make, packages: Path, tmp_path: Path) -> None:
    good = {"language": "en", "split": "test", "count": 36}
    with pytest.raises(ValueError, match="'dev'; legal: train, development, test"):
        make("nli", **{**good, "split": "dev"})
    with pytest.raises(ValueError, match="'ur'; legal: en, ar"):
        make("ner", **{**good, "language": "ur"})
    with pytest.raises(ValueError, match=r"100 .*legal: multiples of 12"):
        make("nli", **{**good, "count": 100})
    with pytest.raises(ValueError, match="legal: multiples of 9"):
        make("qa", **{**good, "count": 0})
    with pytest.raises(PackageError, match="missing"):
        list(generate("qa", **good, seed=1, packages=tmp_path, table=packages / "packages.tsv"))


def test_a_language_without_two_word_names_has_none(make: Make, material: Material) -> None:
    assert all(" " not in name for name in material.things("ja")["test"])
    for one in make("ner", language="ja", split="test", count=COUNT):
        assert isinstance(one, NerExample)
        assert len(one.words) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_pinned_packages_have_every_language(kind: TaskKind) -> None:
    """Only where `make run` has brought the packages; the small ones stand in elsewhere."""
    folder, table = ROOT / ".cache/packages", ROOT / "config/packages.tsv"
    try:
        for name in ("cldr-annotations-full", "cldr-localenames-full", "faker"):
            find_package(name, table=read_packages(table), folder=folder)
    except PackageError as error:
        pytest.skip(str(error))
    for language in legal_languages(kind):
        for split in SPLITS:
            examples = generate(
                kind,
                language=language,
                split=split,
                count=180,
                seed=1,
                packages=folder,
                table=table,
            )
            assert len(names(list(examples))) > 8, f"{language}, {split}"
