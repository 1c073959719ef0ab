"""Small sets of a task of each kind, in the files of the original distributions.

The words are those of the project's text; what is right can be read off them.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "fr", "de", "tr")
LABELS = ("entailment", "neutral", "contradiction")
XNLI_COLUMNS = (
    *("language", "gold_label", "sentence1_binary_parse", "sentence2_binary_parse"),
    *("sentence1_parse", "sentence2_parse", "sentence1", "sentence2", "promptID", "pairID"),
    *("genre", "label1", "label2", "label3", "label4", "label5"),
    *("sentence1_tokenized", "sentence2_tokenized", "match"),
)
SHORT = {"max_length": 24, "seeds": 1, "epochs": [2], "finetune": {"batch_sequences": 8}}

TASKS: dict[str, Any] = {
    "nli": {
        "kind": "nli",
        "train": {"format": "mnli", "path": "data/multinli_1.0_train.jsonl"},
        "development": {
            **{"format": "xnli", "path": "data/xnli.dev.tsv", "languages": ["en", "fr", "de"]},
            "max_examples": 6,
        },
        "tests": {
            "xnli": {
                **{"format": "xnli", "path": "data/xnli.test.tsv"},
                "languages": ["en", "fr", "de", "tr", "sw"],
            },
        },
        **{**SHORT, "learning_rates": [0.001, 0.01], "epochs": [8]},
        "controls": ["source_module"],
    },
    "ner": {
        "kind": "ner",
        "train": {"format": "wikiann", "path": "data/wikiann/{code}/train"},
        "development": {
            **{"format": "wikiann", "path": "data/wikiann/{code}/dev"},
            "languages": ["en", "fr"],
        },
        "tests": {
            "ner": {
                **{"format": "wikiann", "path": "data/wikiann/{code}/test"},
                **{"languages": ["en", "fr", "tr"], "codes": {"tr": "tur"}},
            },
        },
        **{**SHORT, "learning_rates": [0.01]},
    },
    "qa": {
        "kind": "qa",
        "train": {"format": "squad", "path": "data/train-v1.1.json"},
        "development": {"format": "squad", "path": "data/dev-v1.1.json"},
        "tests": {
            "xquad": {
                **{"format": "squad", "path": "data/xquad.{code}.json"},
                "languages": ["en", "de"],
            },
            "mlqa": {
                **{"format": "mlqa", "path": "data/MLQA_V1", "split": "test"},
                "languages": ["en", "de"],
            },
        },
        **{**SHORT, "learning_rates": [0.01], "stride": 6, "max_question_tokens": 6},
    },
}
"""As under `tasks` of a configuration. XNLI's Swahili is no language of the project's cells."""


def write_task_files(project: Path) -> None:
    """Everything that TASKS names, in `<project>/data`; the words are those of `<project>/text`."""
    data = project / "data"
    words = {iso: _words(project, iso) for iso in LANGUAGES}
    words["sw"] = words["en"]
    _write(data / "multinli_1.0_train.jsonl", _mnli(words["en"]))
    for split, count in (("dev", 9), ("test", 12)):
        _write(data / f"xnli.{split}.tsv", _xnli(words, split, count))
    for iso, code in (("en", "en"), ("fr", "fr"), ("tr", "tur")):
        for split in ("train", "dev", "test"):
            count = 40 if split == "train" else 8
            _write(data / f"wikiann/{code}/{split}", _wikiann(words[iso], split, code, count))
    squad = {"train-v1.1": ("en", 30), "dev-v1.1": ("en", 8)}
    squad |= {f"xquad.{iso}": (iso, 8) for iso in ("en", "de")}
    squad |= {f"MLQA_V1/test/test-context-{iso}-question-{iso}": (iso, 8) for iso in ("en", "de")}
    for name, (iso, count) in squad.items():
        _write(data / f"{name}.json", _squad(words[iso], name, count))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _words(project: Path, iso: str) -> list[str]:
    """The language's most frequent words, without a doubt in its text."""
    text = (project / f"text/{iso}.txt").read_text(encoding="utf-8").split()
    return sorted(set(text), key=lambda word: (-text.count(word), word))[:40]


def _pair(words: list[str], rng: random.Random) -> tuple[str, str, str]:
    """Premise, hypothesis and label, which the premise's first word says."""
    label = rng.randrange(len(LABELS))
    premise, hypothesis = rng.choices(words, k=3), rng.choices(words, k=2)
    return " ".join([words[label], *premise]), " ".join(hypothesis), LABELS[label]


def _mnli(words: list[str]) -> str:
    rng = random.Random("mnli")
    lines = []
    for number in range(64):
        premise, hypothesis, label = _pair(words, rng)
        pair = {"gold_label": label, "sentence1": premise, "sentence2": hypothesis}
        lines.append(json.dumps({**pair, "genre": "fiction", "pairID": f"{number}e"}))
    lines.append(json.dumps({"gold_label": "-", "sentence1": words[0], "sentence2": words[1]}))
    return "\n".join(lines) + "\n"


def _xnli(words: dict[str, list[str]], split: str, count: int) -> str:
    lines = ["\t".join(XNLI_COLUMNS)]
    for iso, own in words.items():
        rng = random.Random(split)
        for number in range(count):
            premise, hypothesis, label = _pair(own, rng)
            row = dict.fromkeys(XNLI_COLUMNS, "")
            row |= {"language": iso, "gold_label": label, "pairID": str(number + 1)}
            row |= {"sentence1": premise, "sentence2": hypothesis, "match": "True"}
            lines.append("\t".join(row.values()))
    return "\n".join(lines) + "\n"


def _wikiann(words: list[str], split: str, code: str, count: int) -> str:
    """The two most frequent words are names: of a person, and of a place of two words."""
    rng = random.Random(split)
    lines = []
    for _ in range(count):
        sentence = [(word, "O") for word in rng.choices(words[3:], k=3)]
        name = [(words[0], "B-PER")] if rng.random() < 0.5 else [(words[1], "B-LOC")]
        name += [(words[2], "I-LOC")] * (name[0][1] == "B-LOC")
        lines += [f"{code}:{word}\t{tag}" for word, tag in [*name, *sentence]] + [""]
    return "\n".join(lines) + "\n"


def _squad(words: list[str], name: str, count: int) -> str:
    """The answer is the word that the question repeats."""
    rng = random.Random(name)
    questions = []
    for number in range(count):
        context = rng.sample(words, k=10)
        answer = rng.choice(context)
        start = len(" ".join(context[: context.index(answer)]).strip())
        start += context.index(answer) > 0
        answers = [{"text": answer, "answer_start": start}]
        question = {"id": f"{name}.{number}", "question": f"{answer} ?", "answers": answers}
        questions.append({"context": " ".join(context), "qas": [question]})
    document = {"version": "1.1", "data": [{"title": "made up", "paragraphs": questions}]}
    return json.dumps(document, ensure_ascii=False)
