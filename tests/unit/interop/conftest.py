"""A vocabulary, made once."""

from __future__ import annotations

import pytest

from tests.unit.interop.models import small_vocabulary
from xmod.tokenization.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return small_vocabulary(tmp_path_factory.mktemp("vocabulary"))
