"""Texts in many scripts, a vocabulary of them, and feature files made in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.unit.tokenization.texts import SYLLABLES
from xmod.tasks.examples import TaskKind
from xmod.tasks.features import EncodedSequence, Features, write_features
from xmod.tasks.ner import encode_ner
from xmod.tasks.nli import encode_nli
from xmod.tasks.qa import encode_qa
from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import Vocabulary

WORDS = (
    *("kato", "mire", "sunlo", "Verpa", "1971", "(118)", "oﬃce", "ﬁn", "½", "①②", "ＡＢＣ", "㈱"),
    *(
        "cafe\u0301",
        "na\u00efve",
        "\u1112\u1161\u11ab\u1100\u116e\u11a8",
        "한국어",
        "x\u0308\u0323y",
    ),
    *(
        "😀",
        "👩\u200d🚀",
        "🇰🇪",
        "العَرَبِيَّة",
        "المدينة،",
        "می\u200cخواهم",
        "ﷺ",
        "ภาษาไทย",
        "กำลัง",
        "น้ำ",
    ),
    *(
        "中文，",
        "測試。",
        "日本語",
        "ｶﾞ",
        "हिन्दी",
        "क़लम",
        "русский",
        "a\u200bb",
        "\u00ad",
        "´",
        "\x01z",
    ),
)
"""Combining and decomposed, what NFKC expands or joins, invisible, of no space between words."""

texts = st.lists(
    st.one_of(st.sampled_from(WORDS), st.text(max_size=6), st.sampled_from((" ", "  ", "\n"))),
    max_size=20,
).map("".join)
sentences = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)


@cache
def vocabulary() -> Vocabulary:
    """Of pieces of up to two characters, so that words fall into several; the last words' own
    characters are unknown."""
    known = [*WORDS[:-6], *SYLLABLES]
    pieces = [word[at : at + size] for size in (1, 2) for word in known for at in range(len(word))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_text("\n".join([" ".join(pieces), *pieces]), encoding="utf-8")
        return train_vocabulary([path], size=200, characters_per_file=10**6, character_coverage=1.0)


ENCODERS: dict[TaskKind, Callable[..., Iterator[EncodedSequence]]] = {
    "nli": encode_nli,
    "ner": encode_ner,
    "qa": encode_qa,
}


def encoded(kind: TaskKind, examples: list[Any], path: Path, **settings: int) -> Features:
    """Written and opened again."""
    counts: dict[str, int] = {}
    sequences = ENCODERS[kind](examples, vocabulary=vocabulary(), counts=counts, **settings)
    write_features(
        path,
        sequences,
        kind=kind,
        language="en",
        vocabulary=vocabulary(),
        examples_sha256="",
        settings=settings,
        counts=counts,
    )
    return Features.open(path, kind=kind, vocabulary=vocabulary(), language="en")


def reference_tokenizer(folder: Path) -> Any:
    """transformers' XLM-R tokenizer over the same SentencePiece model."""
    import transformers

    vocabulary().save(folder / "spm.model")
    return transformers.XLMRobertaTokenizer(str(folder / "spm.model"))
