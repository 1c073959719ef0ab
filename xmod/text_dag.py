"""What the rules ask about text: which languages go together in a job that collects or tokenises.

As in `xmod.dag`, of which this is a part; pure.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from xmod.language_batches import LanguageBatch, each_once

if TYPE_CHECKING:
    from xmod.dag import Dag


class TextDag:
    """The jobs that make the text of one run, and its token files in the shared vocabulary.

    Embedded text is little: all of it is taken, so that no other language set cuts the jobs anew,
    and what was made is made again. Of one's own files and of CC-100 only what some job reads is
    taken, in the experiments' order, so that a further experiment cuts none anew.
    """

    def __init__(self, dag: Dag) -> None:
        self._dag = dag
        self._takes_all = dag.config.corpora.source == "embedded"

    @cached_property
    def collected(self) -> list[LanguageBatch]:
        """Languages in jobs that collect their text."""
        if self._takes_all:
            return self._dag.batches(self._dag.available_languages)
        groups = (
            (
                *self._dag.vocabulary_languages(point.cell.scope("vocabulary")),
                *self._dag.read_languages(point.cell),
                *self._dag.added_at(point),
            )
            for point in self._dag.grid.points
        )
        return self._in_batches(each_once(groups))

    @cached_property
    def encoded(self) -> list[LanguageBatch]:
        """Languages in jobs that make their token files in a vocabulary that cells share."""
        if self._takes_all:
            return self._dag.batches(self._dag.available_languages)
        points = self._dag.grid.points
        return self._in_batches(each_once(self._dag.read_languages(one.cell) for one in points))

    def _in_batches(self, groups: list[tuple[str, ...]]) -> list[LanguageBatch]:
        return [batch for group in groups for batch in self._dag.batches(group)]
