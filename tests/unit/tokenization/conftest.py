"""Small texts and vocabularies, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.tokenization.texts import train, write_text
from xmod.tokenization.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(tmp_path_factory.mktemp("text") / "train.txt", seed=1)


@pytest.fixture(scope="session")
def vocabulary(text: Path) -> Vocabulary:
    return train(text)


@pytest.fixture(scope="session")
def other_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """One whose text has Greek letters too."""
    folder = tmp_path_factory.mktemp("other")
    return train(write_text(folder / "train.txt", seed=2, alphabet="αβγδε"))
