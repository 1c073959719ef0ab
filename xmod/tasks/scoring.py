"""A model's scores to predictions, and predictions to metrics, for any kind of task.

Shapes: N sequences, T tokens of all together, C outputs of a head.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xmod.config_tasks import TaskKind
from xmod.tasks.examples import Example, NerExample, NliExample, QaExample
from xmod.tasks.features import Features
from xmod.tasks.metrics.accuracy import score_accuracy
from xmod.tasks.metrics.answers import AnswerScores
from xmod.tasks.metrics.entities import score_entities
from xmod.tasks.metrics.mlqa import score_mlqa
from xmod.tasks.metrics.squad import score_squad
from xmod.tasks.ner import decode_ner
from xmod.tasks.nli import decode_nli
from xmod.tasks.predictions import NerPrediction, NliPrediction, Prediction, QaPrediction
from xmod.tasks.qa import decode_qa

METRICS: dict[TaskKind, tuple[str, ...]] = {
    "nli": ("accuracy",),
    "ner": ("f1",),
    "qa": ("f1", "exact_match"),
}
"""Kind -> its metrics; settings are chosen by the first."""


def decode(
    features: Features,
    examples: Iterable[Example],
    scores: NDArray[np.float32],
    *,
    max_answer_tokens: int,
) -> Iterator[Prediction]:
    """A prediction for each example, from scores of sentences (N, C) or of tokens (T, C)."""
    match features.index.kind:
        case "nli":
            yield from decode_nli(features, cast("Iterable[NliExample]", examples), scores)
        case "ner":
            yield from decode_ner(features, cast("Iterable[NerExample]", examples), scores)
        case "qa":
            yield from decode_qa(
                features,
                cast("Iterable[QaExample]", examples),
                scores,
                max_answer_tokens=max_answer_tokens,
            )


def score(
    kind: TaskKind,
    examples: Sequence[Any],
    predictions: Iterable[Prediction],
    *,
    mlqa_language: str | None = None,
) -> dict[str, float]:
    """The kind's metrics in percent; with `mlqa_language` by MLQA's rules for that language."""
    answers = {prediction.id: _answer(prediction) for prediction in predictions}
    if kind == "nli":
        return {"accuracy": score_accuracy(examples, answers).accuracy}
    if kind == "ner":
        return {"f1": score_entities(examples, answers).f1}
    scores: AnswerScores
    if mlqa_language is None:
        scores = score_squad(examples, answers)
    else:
        scores = score_mlqa(examples, answers, language=mlqa_language)
    return {"f1": scores.f1, "exact_match": scores.exact_match}


def _answer(prediction: Prediction) -> Any:
    match prediction:
        case NliPrediction(label=label):
            return label
        case NerPrediction(tags=tags):
            return tags
        case QaPrediction(text=text):
            return text
