"""What the rules ask about text: which languages go together in a job that collects or tokenises.

As in `xmod.dag`, of which this is a part; pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from xmod.language_batches import LanguageBatch

if TYPE_CHECKING:
    from xmod.dag import Dag


class TextDag:
    """The jobs that make the text of one run, and its token files in the shared vocabulary.

    Embedded text is little: all of it is taken, several languages a job. Of one's own files and of
    CC-100 what some job reads is taken, a language a job. Either way a further language or
    experiment leaves the jobs of the others as they were: what they made is not made again.
    """

    def __init__(self, dag: Dag) -> None:
        self._dag = dag

    @cached_property
    def collected(self) -> list[LanguageBatch]:
        """Languages in jobs that collect their text."""
        return self._in_jobs(self._dag.corpus_languages)

    @cached_property
    def encoded(self) -> list[LanguageBatch]:
        """Languages in jobs that make their token files in a vocabulary that cells share."""
        return self._in_jobs(set().union(*map(self._dag.read_languages, self._dag.grid.cells)))

    def _in_jobs(self, needed: Iterable[str]) -> list[LanguageBatch]:
        if self._dag.config.corpora.source == "embedded":
            return self._dag.batches(self._dag.available_languages)
        return [LanguageBatch.of((iso,)) for iso in self._dag.table.isos if iso in needed]
