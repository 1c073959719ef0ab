"""Small made-up texts, and vocabularies trained on them."""

from __future__ import annotations

import random
from pathlib import Path

from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import Vocabulary

SYLLABLES = ("ka", "to", "mi", "re", "sun", "lo", "ver", "pa", "ni", "que")


def write_text(path: Path, *, seed: int, num_lines: int = 300, alphabet: str = "") -> Path:
    """Words of random syllables, five lines a document; `alphabet` adds letters of its own."""
    rng = random.Random(seed)
    syllables = (*SYLLABLES, *alphabet)
    lines = []
    for number in range(num_lines):
        words = ("".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(8))
        lines.append(" ".join(words))
        if number % 5 == 4:
            lines.append("")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def train(*files: Path, size: int = 120, characters: int = 10**6) -> Vocabulary:
    return train_vocabulary(
        files, size=size, characters_per_file=characters, character_coverage=0.9995
    )
