"""Named entity recognition: words to pieces, scores of first pieces to tags.

Each word is encoded by itself, so its first piece begins with `▁`, as in XTREME (Hu et al. 2020)
and transformers. Chinese and Thai come one character a word (WikiANN): most become a lone `▁` and
the character, and the tag is then read off the `▁`. A word without pieces (a zero-width
character) becomes `<unk>`. What does not fit into `max_length` is cut off; the words whose first
piece is cut off are predicted O. All of this is counted.

Shapes: N sentences, T tokens of all together, L tokens of one, W words of one, C tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.tasks.examples import NER_TAGS, NerExample, TaskDataError
from xmod.tasks.features import EncodedSequence, Features, check_finite
from xmod.tasks.predictions import NerPrediction
from xmod.tokenization.vocabulary import END, START, UNKNOWN, Ids, Vocabulary

NO_TAG: Final = -100
"""Where no tag is read off: PyTorch's ignored target."""
OUTSIDE: Final = NER_TAGS[0]
_SPECIAL_TOKENS: Final = 2
_TAG_IDS: Final = {tag: number for number, tag in enumerate(NER_TAGS)}
_COUNTS: Final = (
    "num_examples",
    "num_words",
    "num_words_without_pieces",
    "num_truncated",
    "num_words_lost",
)


def encode_ner(
    examples: Iterable[NerExample],
    *,
    vocabulary: Vocabulary,
    max_length: int,
    counts: dict[str, int],
) -> Iterator[EncodedSequence]:
    """One sequence an example, of at most `max_length` tokens, with each token's `tag`.

    Fills `counts`: examples, words, words without pieces, truncated sentences and the words lost
    by that. Raises TaskDataError for a tag that is none of NER_TAGS.
    """
    budget = max_length - _SPECIAL_TOKENS
    if budget < 1:
        raise ValueError(f"max_length is {max_length}; a word needs at least 3")
    counts.update(dict.fromkeys(_COUNTS, 0))
    for example in examples:
        if not _TAG_IDS.keys() >= set(example.tags) or len(example.tags) != len(example.words):
            raise TaskDataError(
                f"example {example.id!r}: {len(example.words)} words need as many tags of "
                f"{NER_TAGS}, not {example.tags}"
            )
        pieces, firsts, num_empty = _word_pieces(example.words, vocabulary)
        firsts_kept = firsts[firsts < budget]
        counts["num_examples"] += 1
        counts["num_words"] += len(firsts)
        counts["num_words_without_pieces"] += num_empty
        counts["num_truncated"] += len(pieces) > budget
        counts["num_words_lost"] += len(firsts) - len(firsts_kept)
        ids = np.concatenate(([START], pieces[:budget], [END]), dtype=np.int32)
        tags = np.full(len(ids), NO_TAG, dtype=np.int32)
        tags[1 + firsts_kept] = [_TAG_IDS[tag] for tag in example.tags[: len(firsts_kept)]]
        yield EncodedSequence(ids=ids, per_token={"tag": tags})


def _word_pieces(
    words: tuple[str, ...], vocabulary: Vocabulary
) -> tuple[Ids, NDArray[np.int64], int]:
    """The pieces of all words, where each word's first one is (W,), and how many words had none."""
    pieces, lengths = vocabulary.encode_flat(words)
    firsts = np.cumsum(lengths) - lengths
    empty = lengths == 0
    pieces = np.insert(pieces, firsts[empty], UNKNOWN)
    lengths = np.maximum(lengths, 1)
    return pieces, np.cumsum(lengths) - lengths, int(empty.sum())


def decode_ner(
    features: Features, examples: Iterable[NerExample], scores_TC: NDArray[np.float32]
) -> Iterator[NerPrediction]:
    """The tag with the highest score of each word; O for words that were cut off.

    T are the tokens of the feature file in its order; C is in the order of NER_TAGS.
    """
    check_finite(scores_TC, shape=(len(features.ids), len(NER_TAGS)))
    for number, example in features.match(examples):
        tokens = slice(*features.offsets[number : number + 2])
        is_first_L = features.per_token["tag"][tokens] != NO_TAG
        best = scores_TC[tokens][is_first_L].argmax(axis=1)
        num_lost = len(example.words) - len(best)
        tags = (*(NER_TAGS[tag] for tag in best), *(OUTSIDE,) * num_lost)
        yield NerPrediction(example.id, tags)
