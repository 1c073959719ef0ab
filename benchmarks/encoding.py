"""Encoding a file of questions, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.shapes import Step
from xmod.encode_task import encode_set
from xmod.task_jobs import EncodeJob
from xmod.tokenization.vocabulary import Vocabulary

SETTINGS: Final = {"max_length": 384, "stride": 128, "max_question_tokens": 64}


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """A step's work is its questions."""

    folder: Path
    num_questions: int

    @property
    def label(self) -> str:
        return f"encoding {self.num_questions} questions"

    @property
    def num_threads(self) -> int:
        return 1

    def build(self) -> Step:
        vocabulary = Vocabulary.open(vocabulary_path(self.folder))
        job = EncodeJob(task="qa", kind="qa", sets={"train": ("en",)}, settings=SETTINGS)
        examples = examples_path(self.folder, self.num_questions)

        def step() -> int:
            counts = encode_set(
                job,
                examples,
                examples.with_suffix(".features"),
                language="en",
                vocabulary=vocabulary,
            )
            return counts["num_examples"]

        return step


def vocabulary_path(folder: Path) -> Path:
    return folder / "spm.model"


def examples_path(folder: Path, num_questions: int) -> Path:
    return folder / f"{num_questions}.jsonl"
