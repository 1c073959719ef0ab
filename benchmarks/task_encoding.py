"""Questions a minute that become windows, and whether memory grows with their number.

The text is made up: words of syllables, some much commoner than others, as in a language. Contexts,
questions and answers are as long as SQuAD's, five questions a context.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.encoding import Encoding, examples_path, vocabulary_path
from benchmarks.interleave import Worker, work_per_second
from benchmarks.report import Table, main
from xmod.tasks.examples import Answer, QaExample, write_examples
from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import Vocabulary

VOCABULARY_SIZE: Final = 30_000
NUM_WORDS: Final = 100_000
TRAINING_LINES: Final = 60_000
QUESTIONS_PER_CONTEXT: Final = 5
CONTEXT_WORDS: Final = 120
"""On average."""
_SPREAD: Final = 0.4
"""Standard deviation of the logarithm of their number."""
QUESTION_WORDS: Final = 11
ANSWER_WORDS: Final = 3


def run(*, quick: bool) -> list[Table]:
    few = 500 if quick else 2_000
    with TemporaryDirectory() as name:
        folder = Path(name)
        text = MadeUpText(seed=1)
        vocabulary = _train_vocabulary(folder, text)
        for number in (few, 10 * few):
            write_examples(examples_path(folder, number), text.examples(number))
        [speed] = work_per_second(
            [Encoding(folder=folder, num_questions=few)],
            num_rounds=1,
            num_steps=3 if quick else 7,
        )
        peaks = [_peak(folder, number) for number in (few, 10 * few)]
    return [
        Table(
            title="Encoding questions",
            explanation=f"A JSON-lines file of questions of SQuAD's length becomes a feature file "
            f"on one core, with a vocabulary of {vocabulary.size:,} that was trained on made-up "
            "text: reading, tokens with their places, windows of 384 tokens, writing. The most "
            f"memory that a process has had is of encoding {few:,} questions and {10 * few:,}.",
            columns=("questions/min", f"MB, {few:,}", f"MB, {10 * few:,}", "memory, ratio"),
            rows=(
                (
                    f"{60 * speed:,.0f}",
                    *(f"{peak:.1f}" for peak in peaks),
                    f"{peaks[1] / peaks[0]:.3f}",
                ),
            ),
        )
    ]


def _peak(folder: Path, num_questions: int) -> float:
    with Worker(Encoding(folder=folder, num_questions=num_questions)) as worker:
        return worker.measure(0).peak_megabytes


def _train_vocabulary(folder: Path, text: MadeUpText) -> Vocabulary:
    path = folder / "text.txt"
    lines = (text.sentence(20) for _ in range(TRAINING_LINES))
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    vocabulary = train_vocabulary(
        [path],
        size=VOCABULARY_SIZE,
        characters_per_file=path.stat().st_size,
        character_coverage=0.9995,
    )
    vocabulary.save(vocabulary_path(folder))
    return vocabulary


class MadeUpText:
    """A language of made-up words; the n-th commonest is drawn in proportion to 1/(n + 20)."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)
        syllables = [
            a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "r", "s")
        ]
        self._words = [
            "".join(self._random.choices(syllables, k=self._random.choice((1, 1, 2, 2, 3))))
            for _ in range(NUM_WORDS)
        ]
        self._shares = list(accumulate(1 / (rank + 20) for rank in range(NUM_WORDS)))

    def words(self, number: int) -> list[str]:
        return self._random.choices(self._words, cum_weights=self._shares, k=number)

    def sentence(self, num_words: int) -> str:
        return " ".join(self.words(num_words)).capitalize() + "."

    def examples(self, number: int) -> Iterator[QaExample]:
        mean = log(CONTEXT_WORDS) - _SPREAD**2 / 2
        for first in range(0, number, QUESTIONS_PER_CONTEXT):
            words = self.words(round(self._random.lognormvariate(mean, _SPREAD)))
            for place in range(first, min(first + QUESTIONS_PER_CONTEXT, number)):
                yield self._example(place, words)

    def _example(self, number: int, words: Sequence[str]) -> QaExample:
        begin = self._random.randrange(max(len(words) - ANSWER_WORDS, 1))
        answer = " ".join(words[begin : begin + ANSWER_WORDS])
        start = sum(len(word) + 1 for word in words[:begin])
        return QaExample(
            id=str(number),
            question=" ".join(self.words(QUESTION_WORDS)).capitalize() + "?",
            context=" ".join(words) + ".",
            answers=(Answer(start, answer),),
        )


if __name__ == "__main__":
    main(run)
