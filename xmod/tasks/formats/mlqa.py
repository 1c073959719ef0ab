"""MLQA (Lewis et al. 2020): a folder of files in SQuAD's form, one a pair of languages.

`MLQA_V1/<split>/<split>-context-<language>-question-<language>.json`: a question is asked in every
language, of every language's context. The answer is in the context's language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from xmod.config_tasks import mlqa_file
from xmod.tasks.examples import QaExample, TaskDataError
from xmod.tasks.formats.interface import Request
from xmod.tasks.formats.squad import read_questions

SPLITS = ("dev", "test")
EXPECTED = "the folder MLQA_V1 as MLQA_V1.zip has it, with its folders dev and test"
NAME = re.compile(r"(dev|test)-context-(?P<context>[\w-]+)-question-(?P<question>[\w-]+)\.json")


def read_mlqa(request: Request, drops: Counter[str]) -> Iterator[QaExample]:
    """Yield the questions on contexts of the language `code`, asked in `question_code`.

    Without a `question_code` they are asked in the contexts' language. Nothing is dropped. Raises
    TaskDataError for a split or a pair that is not there, and as `read_squad`.
    """
    del drops
    if request.split not in SPLITS:
        raise TaskDataError(
            f"{request.path}: split {request.split!r}; MLQA has no training set: legal: "
            f"{', '.join(SPLITS)}"
        )
    context = request.code
    question = context if request.question_code is None else request.question_code
    path = request.path / mlqa_file(request.split, context=context, question=question)
    if not path.is_file():
        raise TaskDataError(
            f"{path} is not there; {_there(path.parent)}. {request.path} must be {EXPECTED}"
        )
    yield from read_questions(path, expected=f"{path.name} of MLQA_V1.zip")


def _there(folder: Path) -> str:
    """The pairs of languages that a folder has, in words."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = (NAME.fullmatch(path.name) for path in sorted(folder.iterdir()))
    pairs = [f"{name['context']}-{name['question']}" for name in names if name]
    return f"there are (context-question) {', '.join(pairs) or 'none'}"
