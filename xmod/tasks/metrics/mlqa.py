"""Exact match and F1 as MLQA's official script computes them, `mlqa_evaluation_v1.py`.

It differs from SQuAD's in what it takes out: punctuation of all scripts, and the articles of the
answer's language; and in Chinese, where every character is a token.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial

from xmod.tasks.examples import QaExample
from xmod.tasks.metrics.answers import AnswerScores, score_answers

ARTICLES: dict[str, re.Pattern[str] | None] = {
    "en": re.compile(r"\b(?:a|an|the)\b"),
    "es": re.compile(r"\b(?:un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(?:của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    # The official pattern means the article at a word's begin, but matches these two letters
    # anywhere, within a word as well. Scores compare only if ours does too.
    "ar": re.compile("ال"),
    "zh": None,
}
"""Those of each of MLQA's languages; None where it has none."""

CHARACTERS = "\u4e00-\u9fa5"
"""The Chinese characters that the official script sets apart; it leaves out rare ones."""
CHINESE_TOKEN = re.compile(rf"[{CHARACTERS}]|[^\s{CHARACTERS}]+")


def normalize(text: str, *, language: str) -> str:
    """Small letters, then no punctuation, then no articles; tokens with a space between.

    `language` is the answer's, so the context's, by MLQA's code. Punctuation is Unicode's category
    P and all that ASCII has. Raises ValueError for a language that is not MLQA's.
    """
    if language not in ARTICLES:
        raise ValueError(
            f"language {language!r} is not MLQA's, so it has no rule for it; legal: "
            f"{', '.join(ARTICLES)}. Score other languages by xmod.tasks.metrics.squad"
        )
    text = "".join(char for char in text.lower() if not _is_punctuation(char))
    articles = ARTICLES[language]
    if articles is not None:
        text = articles.sub(" ", text)
    return " ".join(CHINESE_TOKEN.findall(text) if language == "zh" else text.split())


def score_mlqa(
    examples: Sequence[QaExample], predictions: Mapping[str, str], *, language: str
) -> AnswerScores:
    """Score the predicted answers on contexts of `language`; raises ValueError as `normalize`."""
    return score_answers(examples, predictions, normalize=partial(normalize, language=language))


@lru_cache(maxsize=2**14)
def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")
