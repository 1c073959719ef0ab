"""The configuration of tasks: their data, how a cell is fine-tuned, how one setting is chosen.

Defaults are the paper's (section 4.3) where it states them; where it is silent, those of its
benchmark XTREME (Hu et al. 2020) or of BERT's scripts, and "our choice" where all are.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from xmod.config_section import Name, Section, Trainable
from xmod.config_training import OptimizerConfig

TaskKind = Literal["nli", "ner", "qa"]
FormatName = Literal["mnli", "xnli", "xnli_jsonl", "wikiann", "squad", "mlqa", "synthetic"]
Control = Literal["source_module", "other_module"]
FORMAT_KINDS: dict[FormatName, TaskKind] = {
    "mnli": "nli",
    "xnli": "nli",
    "xnli_jsonl": "nli",
    "wikiann": "ner",
    "squad": "qa",
    "mlqa": "qa",
}
"""Format -> the kind of task that it is of; `synthetic` is of every kind."""
SYNTHETIC_BLOCKS: dict[TaskKind, int] = {"nli": 12, "ner": 1, "qa": 9}
"""Kind -> synthetic examples that balance only together, so that sets are made of whole blocks."""
ALL_LANGUAGES_IN_ONE = ("xnli", "xnli_jsonl", "mlqa")
"""Formats whose file, or folder, holds every language."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "nli": {"select_by": "pretrained", "max_length": 128, "epochs": (5, 10)},
    "ner": {"select_by": "pretrained", "max_length": 128, "epochs": (5, 10)},
    "qa": {"select_by": "source", "max_length": 384, "epochs": (3, 5)},
}
"""What follows from the kind of a task where it is left out."""


def mlqa_file(split: str, *, context: str, question: str) -> str:
    """Where MLQA's folder has the questions in one language on contexts in one, by their codes."""
    return f"{split}/{split}-context-{context}-question-{question}.json"


class TaskDataConfig(Section):
    """One set of examples: where it is, and in which languages."""

    format: FormatName
    """How the file is laid out (docs/tasks.md); `synthetic` needs none (docs/embedded_tasks.md)."""
    path: str | None = None
    """A file, or MLQA's folder; `{code}` in it stands for the language."""
    languages: tuple[str, ...] = ("en",)
    """Those that it has."""
    codes: dict[str, str] = {}
    """Language -> how path and file call it, where that is another code."""
    split: Literal["train", "dev", "test"] | None = None
    """MLQA's, whose folder has two."""
    question_language: str | None = None
    """MLQA: the questions' language, where it is not each context's own."""
    max_examples: int | None = Field(default=None, ge=1)
    """The first so many of each language; `synthetic` makes so many."""
    seed: int = 0
    """`synthetic`: another seed, other examples."""

    def files(self) -> list[str]:
        """The file of each language, or the one of all."""
        if self.path is None:
            return []
        found = {self._file(self.path, iso): None for iso in self.languages}
        return list(found)

    def _file(self, path: str, iso: str) -> str:
        file = path.replace("{code}", code := self.code(iso))
        if self.format != "mlqa":
            return file
        question = self.code(self.question_language or iso)
        return f"{file.rstrip('/')}/{mlqa_file(self.split or '', context=code, question=question)}"

    def code(self, iso: str) -> str:
        """How path and file call a language."""
        return self.codes.get(iso, iso)

    @model_validator(mode="after")
    def _languages_are_given_once(self) -> Self:
        if not self.languages or len(set(self.languages)) < len(self.languages):
            raise ValueError(f"languages needs at least one, each once: {list(self.languages)}")
        unknown = [iso for iso in self.codes if iso not in self.languages]
        if unknown:
            raise ValueError(f"codes: {', '.join(unknown)} is none of its languages")
        return self

    @model_validator(mode="after")
    def _files_have_a_path(self) -> Self:
        if (self.format == "synthetic") != (self.path is None):
            raise ValueError("path is given exactly when format is not 'synthetic'")
        if self.format == "synthetic" and self.max_examples is None:
            raise ValueError("max_examples is missing: how many examples format 'synthetic' makes")
        if (self.format == "mlqa") != (self.split is not None):
            raise ValueError("split is given exactly when format is 'mlqa'")
        if self.question_language is not None and self.format != "mlqa":
            raise ValueError("question_language is for format 'mlqa' only")
        is_one_file = self.path is not None and "{code}" not in self.path
        if len(self.languages) > 1 and is_one_file and self.format not in ALL_LANGUAGES_IN_ONE:
            raise ValueError(
                f"path {self.path!r} is one file for {len(self.languages)} languages; put "
                "{code} where the language's code is"
            )
        return self


class FinetuneConfig(OptimizerConfig):
    """Fine-tuning, whatever the setting."""

    batch_sequences: int = Field(default=32, ge=1)
    """Sequences an update: BERT's and XTREME's."""
    warmup_fraction: float = Field(default=0.06, ge=0.0, le=1.0)
    """Share of the updates that warm up: RoBERTa's for fine-tuning."""
    freezes: tuple[Trainable, ...] = ("embeddings", "positions", "modules")
    """What keeps its pre-trained weights (section 3)."""
    recipe_version: int = 2
    """Bump by hand when the code changes what fine-tuning computes: runs are then stale."""


class TaskConfig(Section):
    """One task: a cell is fine-tuned on `train`, and evaluated zero-shot in every language."""

    kind: TaskKind
    """Natural language inference, named entities, or extractive question answering."""
    source: str = "en"
    """The language that it is fine-tuned in."""
    train: TaskDataConfig
    """In the source language."""
    development: TaskDataConfig
    """What one setting is chosen by."""
    tests: dict[Name, TaskDataConfig]
    """What is reported, each under its name."""
    select_by: Literal["pretrained", "source"]
    """The development set's average over the pre-trained languages, or the source's alone. Left
    out, the paper's choice: the average for NLI and NER, the source for QA (footnote 12)."""
    max_length: int = Field(ge=8)
    """Tokens a sequence, at most. Left out, XTREME's: 128 for NLI and NER, 384 for QA."""
    stride: int = Field(default=128, ge=1)
    """QA: a context's windows begin so many tokens apart: BERT's."""
    max_question_tokens: int = Field(default=64, ge=1)
    """QA: BERT's."""
    max_answer_tokens: int = Field(default=30, ge=1)
    """QA: BERT's."""
    learning_rates: tuple[float, ...] = (1e-4, 3e-4, 5e-4)
    """Peaks that are tried."""
    epochs: tuple[int, ...]
    """Numbers of epochs that are tried. Left out, the paper's: 5 and 10 for NLI and NER, 3 and 5
    for QA."""
    seeds: int = Field(default=5, ge=1)
    """Runs of each setting, from seed 1 on."""
    finetune: FinetuneConfig = FinetuneConfig()
    """What all settings have in common."""
    controls: tuple[Control, ...] = ()
    """Measured beside each score of a variant with language modules: the target's text through
    the source language's module, or through another one."""

    @model_validator(mode="before")
    @classmethod
    def _defaults_follow_the_kind(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {**DEFAULTS.get(str(values.get("kind")), DEFAULTS["nli"]), **values}

    @model_validator(mode="after")
    def _settings_are_given_once(self) -> Self:
        for name in ("learning_rates", "epochs"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values) or min(values) <= 0:
                raise ValueError(f"{name} needs positive numbers, each once: {list(values)}")
        return self

    @model_validator(mode="after")
    def _windows_have_room(self) -> Self:
        if self.kind == "qa" and self.max_length < self.max_question_tokens + 5:
            raise ValueError(
                f"max_length ({self.max_length}) leaves no room for a context beside "
                f"max_question_tokens ({self.max_question_tokens}) and 4 special tokens"
            )
        return self

    @model_validator(mode="after")
    def _sets_are_complete(self) -> Self:
        if self.train.languages != (self.source,):
            raise ValueError(
                f"train.languages is {list(self.train.languages)}; it must be the source, "
                f"[{self.source}], alone"
            )
        if self.source not in self.development.languages:
            raise ValueError(f"development.languages lacks the source, {self.source}")
        for name, data in self.sets.items():
            if FORMAT_KINDS.get(data.format, self.kind) != self.kind:
                legal = [one for one, kind in FORMAT_KINDS.items() if kind == self.kind]
                raise ValueError(
                    f"{name}.format: {data.format} is not of kind {self.kind}; "
                    f"legal: {', '.join(legal)}, synthetic"
                )
            block = SYNTHETIC_BLOCKS[self.kind]
            if data.format == "synthetic" and (data.max_examples or 0) % block:
                raise ValueError(
                    f"{name}.max_examples: {data.max_examples} of format synthetic, kind "
                    f"{self.kind}; legal: multiples of {block}, which balance only together"
                )
        if not self.tests:
            raise ValueError("tests is empty: name at least one set")
        taken = {"train", "development"} & set(self.tests)
        if taken:
            raise ValueError(
                f"tests: {', '.join(sorted(taken))} is a name of its own; choose another"
            )
        return self

    @property
    def encoding(self) -> dict[str, int]:
        """What decides the features of a set's examples."""
        if self.kind != "qa":
            return {"max_length": self.max_length}
        return {
            "max_length": self.max_length,
            "stride": self.stride,
            "max_question_tokens": self.max_question_tokens,
        }

    @property
    def sets(self) -> dict[str, TaskDataConfig]:
        """Every set of examples by name."""
        return {"train": self.train, "development": self.development, **self.tests}
