"""Examples of any kind of task to the sequences of a feature file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xmod.config_tasks import TaskKind
from xmod.tasks.features import EncodedSequence
from xmod.tasks.ner import encode_ner
from xmod.tasks.nli import encode_nli
from xmod.tasks.qa import encode_qa
from xmod.tokenization.vocabulary import Vocabulary


def encode(
    kind: TaskKind,
    examples: Iterable[Any],
    *,
    vocabulary: Vocabulary,
    settings: Mapping[str, int],
    counts: dict[str, int],
) -> Iterator[EncodedSequence]:
    """The sequences of a set's examples; `settings` as `TaskConfig.encoding`, `counts` is filled.

    Raises TaskDataError for an example that is none of the kind, and ValueError for impossible
    settings.
    """
    encoders: dict[TaskKind, Any] = {"nli": encode_nli, "ner": encode_ner, "qa": encode_qa}
    yield from encoders[kind](examples, vocabulary=vocabulary, counts=counts, **settings)
