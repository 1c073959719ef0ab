"""The readers and metrics on real files, where the environment variable XMOD_REAL_DATA names them.

The folder has the distributions' own files: `xnli/xnli.*.tsv`, `mnli/multinli_1.0_*.jsonl`,
`wikiann/<language>/<split>`, `xquad/xquad.<language>.json`, `mlqa/MLQA_V1/<split>/`, each of them
whole or in part. They are no part of the project. With `-s`, what was read is printed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from xmod.tasks.examples import Example, NerExample, NliExample, QaExample
from xmod.tasks.formats import FormatName, read
from xmod.tasks.metrics import mlqa, squad
from xmod.tasks.metrics.accuracy import score_accuracy
from xmod.tasks.metrics.answers import AnswerScores
from xmod.tasks.metrics.entities import score_entities

VARIABLE = "XMOD_REAL_DATA"
FOLDER = Path(os.environ.get(VARIABLE, ""))

pytestmark = pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"{VARIABLE} names no folder with the real files"
)


def files(pattern: str) -> list[Path]:
    """The files to read, or the reason why there are none."""
    found = sorted(FOLDER.glob(pattern))
    if not found:
        pytest.skip(f"{FOLDER} ({VARIABLE}) has no {pattern}")
    return found


def read_all(format: FormatName, path: Path, *, language: str, **options: Any) -> list[Example]:
    drops: Counter[str] = Counter()
    examples = list(read(format, path, language=language, drops=drops, **options))
    name = path.relative_to(FOLDER)
    print(f"\n{name} {language}: {len(examples)} examples, dropped {dict(drops)}", end="")
    return examples


def test_mnli() -> None:
    for path in files("mnli/multinli_1.0*.jsonl"):
        examples = [
            one for one in read_all("mnli", path, language="en") if isinstance(one, NliExample)
        ]
        check_labels(examples)


def test_xnli() -> None:
    for path in files("xnli/xnli.*.tsv"):
        header, *rows = path.read_text(encoding="utf-8").split("\n")
        place = header.split("\t").index("language")
        codes = sorted({row.split("\t")[place] for row in rows if row})
        ids = set()
        for code in codes:
            examples = [
                one for one in read_all("xnli", path, language=code) if isinstance(one, NliExample)
            ]
            check_labels(examples)
            ids.add(tuple(example.id for example in examples))
        assert len(ids) == 1, "the same pairs in every language, in one order"


def check_labels(examples: list[NliExample]) -> None:
    gold = {example.id: example.label for example in examples}
    assert score_accuracy(examples, gold).accuracy == 100.0
    shares = {}
    for label, count in Counter(gold.values()).items():
        constant = score_accuracy(examples, dict.fromkeys(gold, label))
        assert constant.num_correct == count
        shares[label] = round(constant.accuracy, 1)
    print(f", constant {shares}", end="")


def test_wikiann() -> None:
    for path in files("wikiann/*/*"):
        language = path.parent.name
        sentences = read_all("wikiann", path, language=language)
        examples = [one for one in sentences if isinstance(one, NerExample)]
        scores = score_entities(examples, {one.id: one.tags for one in examples})
        assert scores.f1 == pytest.approx(100.0)
        nothing = score_entities(examples, {one.id: ["O"] * len(one.tags) for one in examples})
        assert (nothing.f1, nothing.num_predicted) == (0.0, 0)
        places = score_entities(examples, {one.id: ["B-LOC"] * len(one.tags) for one in examples})
        assert 0 <= places.f1 < 50
        loose = sum(num_loose(example.tags) for example in examples)
        print(
            f", {scores.num_gold} entities ({loose} begin with I-), "
            f"B-LOC everywhere {places.f1:.1f}",
            end="",
        )


def num_loose(tags: tuple[str, ...]) -> int:
    """How many entities begin with an I-."""
    pairs = zip(("O", *tags), tags, strict=False)
    return sum(tag.startswith("I-") and before[2:] != tag[2:] for before, tag in pairs)


def test_squad() -> None:
    for path in files("squad/*.json"):
        check_answers(questions("squad", path, language="en"), ["squad"])


def test_xquad() -> None:
    ids = set()
    for path in files("xquad/xquad.*.json"):
        examples = questions("squad", path, language=path.name.split(".")[1])
        ids.add(tuple(example.id for example in examples))
        check_answers(examples, ["squad"])
    assert len(ids) == 1, "the same questions in every language, in one order"


def test_mlqa() -> None:
    for path in files("mlqa/MLQA_V1/*/*.json"):
        context, question = mlqa_pair(path)
        folder, split = path.parents[1], path.parent.name
        examples = questions("mlqa", folder, language=context, split=split, question_code=question)
        check_answers(examples, ["squad", context])


def mlqa_pair(path: Path) -> tuple[str, str]:
    found = re.fullmatch(r"\w+-context-(\w+)-question-(\w+)\.json", path.name)
    assert found
    return found[1], found[2]


def questions(format: FormatName, path: Path, **options: Any) -> list[QaExample]:
    return [one for one in read_all(format, path, **options) if isinstance(one, QaExample)]


def check_answers(examples: list[QaExample], rules: list[str]) -> None:
    """Score gold answers, the first word of the context, and the whole context."""
    for rule in rules:
        gold = score(examples, {one.id: one.answers[0].text for one in examples}, rule=rule)
        empty = sum(has_no_token(one, rule=rule) for one in examples)
        assert gold.exact_match == 100.0
        assert gold.f1 == pytest.approx(100 * (1 - empty / len(examples)))
        first = score(examples, {one.id: first_word(one) for one in examples}, rule=rule)
        whole = score(examples, {one.id: one.context for one in examples}, rule=rule)
        assert 0 <= first.exact_match <= first.f1 < 50
        assert whole.f1 < 50
        print(
            f", by {rule}: first word {first.exact_match:.1f}/{first.f1:.1f}, "
            f"context {whole.exact_match:.1f}/{whole.f1:.1f}, {empty} answers without a token",
            end="",
        )


def score(examples: list[QaExample], predictions: dict[str, str], *, rule: str) -> AnswerScores:
    if rule == "squad":
        return squad.score_squad(examples, predictions)
    return mlqa.score_mlqa(examples, predictions, language=rule)


def has_no_token(example: QaExample, *, rule: str) -> bool:
    """Whether nothing is left of its answers: MLQA has `una` for "one", which is an article too.

    Such a question's F1 is 0 whatever is predicted, by the official scripts as well.
    """
    texts = [answer.text for answer in example.answers]
    if rule == "squad":
        return not any(squad.normalize(text) for text in texts)
    return not any(mlqa.normalize(text, language=rule) for text in texts)


def first_word(example: QaExample) -> str:
    return example.context.split()[0]
