"""Which head a kind of task has."""

from __future__ import annotations

from xmod.config_tasks import TaskKind
from xmod.model.task_heads import HeadKind
from xmod.tasks.examples import NER_TAGS, NLI_LABELS

HEADS: dict[TaskKind, tuple[HeadKind, int]] = {
    "nli": ("sentence", len(NLI_LABELS)),
    "ner": ("token", len(NER_TAGS)),
    "qa": ("span", 2),
}
"""Kind -> its head, and the head's number of outputs."""
