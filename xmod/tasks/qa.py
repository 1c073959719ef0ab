"""Extractive question answering: questions to windows of their context, scores to answers.

A sequence is `<s> question </s></s> window </s>`; the windows of a context begin every `stride`
tokens, until one reaches its end (Devlin et al. 2019: 384 tokens, stride 128, questions of at most
64). Beside the ids stand each token's characters in the context as it was given, so an answer is
always a piece of the original text.

Answers are made of whole tokens: the target is the smallest run of tokens that covers the gold
answer, and `num_answers_inexact` counts where these tokens' text is another (a piece that goes on
beyond the answer: common in Thai). Of several gold answers the first is the target; the metric
sees them all.

Shapes: N windows, T tokens of all together, L tokens of one, K tokens of a context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from xmod.tasks.examples import QaExample
from xmod.tasks.features import EncodedSequence, Features, check_finite
from xmod.tasks.predictions import QaPrediction
from xmod.tokenization.vocabulary import END, START, Ids, Spans, Vocabulary

NO_ANSWER: Final = 0
"""Where a window without the whole answer has its start and end: at `<s>`."""
Run = tuple[int, int]
"""Tokens of a context: from the first until before the second."""
_SPECIAL_TOKENS: Final = 4
_CACHED_CONTEXTS: Final = 64
"""The questions of a context follow one another, but for a few files."""
_COUNTS: Final = (
    "num_examples",
    "num_windows",
    "num_windows_without_answer",
    "num_questions_truncated",
    "num_answers_inexact",
    "num_answers_without_tokens",
    "num_answers_in_no_window",
)


def encode_qa(
    examples: Iterable[QaExample],
    *,
    vocabulary: Vocabulary,
    max_length: int,
    max_question_tokens: int,
    stride: int,
    counts: dict[str, int],
) -> Iterator[EncodedSequence]:
    """One sequence a window, of at most `max_length` tokens; every example has at least one.

    With each go `example` (its number), `answer_start` and `answer_end` (positions of the answer's
    first and last token, or NO_ANSWER) and each token's `begin` and `end` in the context (equal
    where it has no characters there).

    Fills `counts`: besides examples and windows, questions that were truncated, and first answers
    that no run of tokens equals, that have no tokens at all, or that no window holds whole.
    """
    if max_question_tokens < 1 or max_length - _SPECIAL_TOKENS - max_question_tokens < 1:
        raise ValueError(
            f"max_length {max_length} leaves no room for a context beside max_question_tokens "
            f"{max_question_tokens} (at least 1) and {_SPECIAL_TOKENS} special tokens"
        )
    if stride < 1:
        raise ValueError(f"stride is {stride}; windows begin at least 1 token apart")
    encode_context = lru_cache(_CACHED_CONTEXTS)(vocabulary.encode_with_spans)
    counts.update(dict.fromkeys(_COUNTS, 0))
    for number, example in enumerate(examples):
        question = vocabulary.encode([example.question])[0]
        counts["num_examples"] += 1
        counts["num_questions_truncated"] += len(question) > max_question_tokens
        question = question[:max_question_tokens]
        context = encode_context(example.context)
        target = _target(example, context[1])
        windows = _windows(len(context[0]), max_length - _SPECIAL_TOKENS - len(question), stride)
        _count(counts, example, context[1], target, windows)
        for window in windows:
            yield _sequence(number, question, context, window, target)


def _target(example: QaExample, spans_K2: Spans) -> Run | None:
    """The tokens that hold characters of the first answer; None where none does."""
    answer = example.answers[0]
    begin_K, end_K = spans_K2.T
    holds_K = (begin_K < answer.start + len(answer.text)) & (end_K > answer.start)
    tokens = np.flatnonzero(holds_K & (begin_K < end_K))
    return (int(tokens[0]), int(tokens[-1]) + 1) if tokens.size else None


def _windows(num_tokens: int, room: int, stride: int) -> list[Run]:
    """Runs of at most `room` tokens that begin every `stride` tokens, and together hold all."""
    step = min(stride, room)
    num_windows = 1 + max(0, -(-(num_tokens - room) // step))
    return [(first, min(first + room, num_tokens)) for first in range(0, num_windows * step, step)]


def _sequence(
    number: int, question: Ids, context: tuple[Ids, Spans], window: Run, target: Run | None
) -> EncodedSequence:
    ids_K, spans_K2 = context
    tokens = slice(*window)
    ids = np.concatenate(([START], question, [END, END], ids_K[tokens], [END]), dtype=np.int32)
    begin, end = np.zeros((2, len(ids)), dtype=np.int32)
    before = len(question) + 3
    begin[before:-1], end[before:-1] = spans_K2[tokens].T
    start, last = NO_ANSWER, NO_ANSWER
    if target is not None and _holds(window, target):
        start, last = (before + place - window[0] for place in (target[0], target[1] - 1))
    return EncodedSequence(
        ids=ids,
        per_sequence={"example": number, "answer_start": start, "answer_end": last},
        per_token={"begin": begin, "end": end},
    )


def _holds(window: Run, target: Run) -> bool:
    return window[0] <= target[0] and target[1] <= window[1]


def _count(
    counts: dict[str, int],
    example: QaExample,
    spans_K2: Spans,
    target: Run | None,
    windows: list[Run],
) -> None:
    num_holding = 0 if target is None else sum(_holds(window, target) for window in windows)
    counts["num_windows"] += len(windows)
    counts["num_windows_without_answer"] += len(windows) - num_holding
    if target is None:
        counts["num_answers_without_tokens"] += 1
        return
    text = example.context[spans_K2[target[0], 0] : spans_K2[target[1] - 1, 1]]
    counts["num_answers_inexact"] += text != example.answers[0].text.strip()
    counts["num_answers_in_no_window"] += not num_holding


def decode_qa(
    features: Features,
    examples: Iterable[QaExample],
    scores_T2: NDArray[np.float32],
    *,
    max_answer_tokens: int,
) -> Iterator[QaPrediction]:
    """The best answer of each example over all its windows, of at most `max_answer_tokens`.

    `scores_T2` are the start's and the end's logits of the feature file's tokens. Every span is
    looked at, where the original script looks at the 20 best starts and ends; logits of different
    windows are compared as they are, as there. At a tie the earlier one wins.
    """
    if max_answer_tokens < 1:
        raise ValueError(f"max_answer_tokens is {max_answer_tokens}; an answer has at least 1")
    check_finite(scores_T2, shape=(len(features.ids), 2))
    num_examples = features.index.counts["num_examples"]
    firsts = np.searchsorted(features.per_sequence["example"], np.arange(num_examples + 1))
    for number, example in features.match(examples):
        best = QaPrediction(example.id, "", None)
        for window in range(firsts[number], firsts[number + 1]):
            tokens = slice(*features.offsets[window : window + 2])
            begin_L, end_L = (features.per_token[name][tokens] for name in ("begin", "end"))
            span = best_span(scores_T2[tokens], begin_L < end_L, max_answer_tokens)
            if span is not None and (best.score is None or span.score > best.score):
                text = example.context[begin_L[span.start] : end_L[span.end]]
                best = QaPrediction(example.id, text, span.score)
        yield best


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `start` ... `end` of a window, both included."""

    start: int
    end: int
    score: float


def best_span(
    scores_L2: NDArray[np.float32], allowed_L: NDArray[np.bool_], max_tokens: int
) -> Span | None:
    """The span of at most `max_tokens` with the highest sum of start and end score.

    It begins and ends at allowed tokens; None where there are none.
    """
    starts_L, ends_L = np.where(allowed_L, scores_L2.T, -np.inf)
    padded = np.concatenate([ends_L, np.full(max_tokens - 1, -np.inf)])
    reachable_LM = sliding_window_view(padded, max_tokens)
    widths_L = reachable_LM.argmax(axis=1)
    totals_L = starts_L + np.take_along_axis(reachable_LM, widths_L[:, None], axis=1)[:, 0]
    start = int(totals_L.argmax())
    score = float(totals_L[start])
    return Span(start, start + int(widths_L[start]), score) if np.isfinite(score) else None
