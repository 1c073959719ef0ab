"""What a task's test set gives away to one who does not read it as a task.

Beside every score stand chance, the commonest label, and the best that can be had from a part of
the input alone: from the hypothesis without its premise (Gururangan et al. 2018), from a word
without its sentence, from a question without its context (Kaushik and Lipton 2018). A score means
what it is above these. They are computed on the same test set, with the same metrics, for any
data. An ablated baseline is learned twice: from the source's training set, as a model is that is
evaluated zero-shot, and from the target's development set (`... (in language)`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from xmod.config_tasks import TaskKind
from xmod.data.randomness import generator
from xmod.tasks.examples import NLI_LABELS, Example, NerExample, NliExample, QaExample
from xmod.tasks.metrics.accuracy import score_accuracy
from xmod.tasks.metrics.entities import score_entities
from xmod.tasks.metrics.squad import score_squad
from xmod.tasks.ngrams import NgramClassifier

Scores = dict[str, float]
"""Metric -> value in percent."""
Measure = Callable[[Sequence[Any]], Scores]
"""A baseline, ready to be scored on a test set."""

MAX_LEARNED_FROM: Final = 20_000
"""Examples that a baseline learns from, at most: more hardly change it, and take minutes."""
ROUNDS: Final = 10
"""Over which the scores of random tags and answers are averaged (our choice)."""
IN_LANGUAGE: Final = " (in language)"


def measure_baselines(
    kind: TaskKind,
    *,
    train: Sequence[Example],
    development: Mapping[str, Sequence[Example]],
    test: Mapping[str, Sequence[Example]],
) -> dict[str, dict[str, Scores]]:
    """Language -> baseline -> its scores on the language's test set.

    `train` is the source language's. A language without a development set has no baselines
    `(in language)`. Raises ValueError for a set without examples.
    """
    found: dict[str, dict[str, Scores]] = {}
    learn = _LEARN[kind]
    of_source = _FIXED[kind](train) | learn(_some(train, "train"))
    for language, examples in test.items():
        measures = dict(of_source)
        if language in development:
            own = learn(_some(development[language], f"development, {language}"))
            measures |= {name + IN_LANGUAGE: measure for name, measure in own.items()}
        some = _some(examples, f"test, {language}", at_most=None)
        found[language] = {name: measure(some) for name, measure in measures.items()}
    return found


def _some(
    examples: Sequence[Example], name: str, at_most: int | None = MAX_LEARNED_FROM
) -> Sequence[Example]:
    if not examples:
        raise ValueError(f"no example in the set {name}; a baseline needs at least 1")
    return examples[:at_most]


def _fixed_nli(train: Sequence[NliExample]) -> dict[str, Measure]:
    labels = Counter(one.label for one in train)
    majority = max(NLI_LABELS, key=lambda label: labels[label])
    return {
        "chance": lambda _: {"accuracy": 100 / len(NLI_LABELS)},
        "majority": lambda test: _accuracy(test, [majority] * len(test)),
    }


def _learn_nli(examples: Sequence[NliExample]) -> dict[str, Measure]:
    def of(part: Callable[[NliExample], str]) -> Measure:
        classifier = NgramClassifier((part(one), one.label) for one in examples)
        return lambda test: _accuracy(test, [classifier.predict(part(one)) for one in test])

    return {
        "hypothesis only": of(lambda one: one.hypothesis),
        "premise only": of(lambda one: one.premise),
    }


def _accuracy(test: Sequence[NliExample], labels: Sequence[str]) -> Scores:
    predictions = {one.id: label for one, label in zip(test, labels, strict=True)}
    return {"accuracy": score_accuracy(test, predictions).accuracy}


Words = tuple[str, ...]


def _fixed_ner(train: Sequence[NerExample]) -> dict[str, Measure]:
    """Tags drawn as often as they come in training, and the commonest everywhere."""
    counts = Counter(tag for one in train for tag in one.tags)
    tags = sorted(counts)
    shares = np.array([counts[tag] for tag in tags]) / counts.total()

    def chance(test: Sequence[NerExample]) -> Scores:
        random = generator("random tags")
        rounds = [
            _f1(test, lambda words: random.choice(tags, len(words), p=shares).tolist())
            for _ in range(ROUNDS)
        ]
        return {"f1": sum(one["f1"] for one in rounds) / ROUNDS}

    commonest = counts.most_common(1)[0][0]
    return {
        "chance": chance,
        "majority": lambda test: _f1(test, lambda words: [commonest] * len(words)),
    }


def _learn_ner(examples: Sequence[NerExample]) -> dict[str, Measure]:
    def of(view: Callable[[Words], Iterator[str]]) -> Measure:
        classifier = NgramClassifier(
            chain.from_iterable(zip(view(one.words), one.tags, strict=True) for one in examples)
        )
        return lambda test: _f1(test, lambda words: [*map(classifier.predict, view(words))])

    memory = _memory(examples)
    return {
        "word memorised": lambda test: _f1(
            test, lambda words: [memory.get(one, "O") for one in words]
        ),
        "word only": of(iter),
        "context only": of(_contexts),
    }


def _f1(test: Sequence[NerExample], tag: Callable[[Words], Sequence[str]]) -> Scores:
    return {"f1": score_entities(test, {one.id: tag(one.words) for one in test}).f1}


def _memory(examples: Sequence[NerExample]) -> dict[str, str]:
    """Each word's commonest tag."""
    seen: dict[str, Counter[str]] = {}
    for one in examples:
        for word, tag in zip(one.words, one.tags, strict=True):
            seen.setdefault(word, Counter())[tag] += 1
    return {word: tags.most_common(1)[0][0] for word, tags in seen.items()}


def _contexts(words: Words) -> Iterator[str]:
    """Each word's neighbours without the word: two on either side, named by where they stand."""
    padded = ("<", "<", *words, ">", ">")
    for place in range(2, len(padded) - 2):
        around = (padded[place + offset] for offset in (-2, -1, 1, 2))
        yield " ".join(f"{name}{word}" for name, word in zip("abcd", around, strict=True))


def _fixed_qa(train: Sequence[QaExample]) -> dict[str, Measure]:
    del train
    return {
        "chance": _mean_over_candidates,
        "first answer": lambda test: _em_and_f1(test, [0] * len(test)),
    }


def _learn_qa(examples: Sequence[QaExample]) -> dict[str, Measure]:
    """Baselines choose among the answers to any of a context's questions, by their order there.

    They are told which spans are answers to something, which a model is not: a hard chance level.
    """
    candidates = _candidates(examples)
    ranks = [_rank(one.answers[0].text, candidates[one.context]) for one in examples]

    def of(part: Callable[[QaExample], str]) -> Measure:
        classifier = NgramClassifier(zip(map(part, examples), map(str, ranks), strict=True))
        return lambda test: _em_and_f1(test, [int(classifier.predict(part(one))) for one in test])

    return {
        "question only": of(lambda one: one.question),
        "context only": of(lambda one: one.context),
    }


def _rank(answer: str, candidates: Sequence[str]) -> int:
    """0 where the answer is none of them: there its context has no other."""
    return candidates.index(answer) if answer in candidates else 0


def _candidates(examples: Sequence[QaExample]) -> dict[str, list[str]]:
    """Context -> the different answers to its questions, as they follow one another.

    A single one, as most of MLQA's contexts have, would be the answer itself: there they are
    stretches of the context, of its length, at random places.
    """
    starts: dict[str, dict[str, int]] = {}
    for one in examples:
        answer = one.answers[0]
        starts.setdefault(one.context, {}).setdefault(answer.text, answer.start)
    random = generator("random answers")
    candidates = {}
    for context, found in starts.items():
        texts = sorted(found, key=found.__getitem__)
        if len(texts) == 1:
            length = len(texts[0])
            places = random.integers(0, len(context) - length, ROUNDS, endpoint=True)
            texts = [context[place : place + length] for place in places]
        candidates[context] = texts
    return candidates


def _em_and_f1(test: Sequence[QaExample], ranks: Sequence[int]) -> Scores:
    """Of the answer of each example's rank in its context; the last where it has fewer."""
    candidates = _candidates(test)
    predictions = {}
    for one, rank in zip(test, ranks, strict=True):
        texts = candidates[one.context]
        predictions[one.id] = texts[min(rank, len(texts) - 1)]
    scores = score_squad(test, predictions)
    return {"f1": scores.f1, "exact_match": scores.exact_match}


def _mean_over_candidates(test: Sequence[QaExample]) -> Scores:
    """What a random one of the context's answers scores, exactly."""
    candidates = _candidates(test)
    totals = {"f1": 0.0, "exact_match": 0.0}
    for one in test:
        texts = candidates[one.context]
        for text in texts:
            scores = score_squad([one], {one.id: text})
            totals["f1"] += scores.f1 / len(texts)
            totals["exact_match"] += scores.exact_match / len(texts)
    return {metric: total / len(test) for metric, total in totals.items()}


_FIXED: Final[Mapping[TaskKind, Callable[[Sequence[Any]], dict[str, Measure]]]] = {
    "nli": _fixed_nli,
    "ner": _fixed_ner,
    "qa": _fixed_qa,
}
"""Kind -> what needs no learning but the training set's labels."""
_LEARN: Final[Mapping[TaskKind, Callable[[Sequence[Any]], dict[str, Measure]]]] = {
    "nli": _learn_nli,
    "ner": _learn_ner,
    "qa": _learn_qa,
}
"""Kind -> what is learned from examples with a part of the input hidden."""


def read_baselines(path: Path) -> dict[tuple[str, str], dict[str, Scores]]:
    """(set, language) -> baseline -> its scores, as `xmod.measure_baselines` wrote them."""
    found: dict[tuple[str, str], dict[str, Scores]] = {}
    for record in json.loads(path.read_text(encoding="utf-8"))["records"]:
        baselines = found.setdefault((record["set"], record["language"]), {})
        baselines.setdefault(record["baseline"], {})[record["metric"]] = record["value"]
    return found
