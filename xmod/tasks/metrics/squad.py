"""Exact match and F1 as SQuAD v1.1's official script computes them, `evaluate-v1.1.py`.

XQuAD is scored by it as well, in every language: only English articles and ASCII punctuation are
taken out, and a token is what stands between spaces, which in Thai or Chinese is a whole phrase.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence

from xmod.tasks.examples import QaExample
from xmod.tasks.metrics.answers import AnswerScores, score_answers

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize(text: str) -> str:
    """Small letters, then no ASCII punctuation, then no articles, then single spaces.

    The order shows: `the-cat` becomes `thecat`, whose article stays.
    """
    text = text.lower().translate(NO_PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", text).split())


def score_squad(examples: Sequence[QaExample], predictions: Mapping[str, str]) -> AnswerScores:
    """Score the predicted answers of SQuAD or XQuAD; raises ValueError as `pair`."""
    return score_answers(examples, predictions, normalize=normalize)
