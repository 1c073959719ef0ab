"""What the rules ask about published data: which sources a run reads, and when they are there.

The files are no declared inputs or outputs: Snakemake deletes the outputs of a job before it runs
it, and would take a whole corpus that was placed by hand. Jobs wait for a stamp instead, whose name
holds what was verified.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xmod.config_sources import SourcesConfig
from xmod.source_table import STAMP, SourceFile, SourceTable, read_sources, stamp

if TYPE_CHECKING:
    from xmod.dag import Dag

CORPUS = "cc100"
"""The source with a file a language."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A published file that is to be fetched."""

    file: str
    """Where it goes."""
    url: str
    num_bytes: int | None
    """As published; None where nobody says."""


class SourceDag:
    """The sources of one run."""

    def __init__(self, dag: Dag) -> None:
        self._dag = dag

    @property
    def config(self) -> SourcesConfig:
        return self._dag.config.sources

    @cached_property
    def table(self) -> SourceTable:
        """Every source; none where the configuration leaves all files to the user."""
        if self.config.fetch is None:
            return SourceTable(())
        return read_sources(Path(self.config.table)).at(self.config.urls)

    @property
    def corpus_folder(self) -> str:
        return f"{self._dag.config.data}/{CORPUS}"

    @property
    def has_corpus(self) -> bool:
        return self._dag.config.corpora.source == CORPUS

    def corpus_files(self, isos: Sequence[str]) -> list[SourceFile]:
        """CC-100's file of each language."""
        return [one for iso in isos for one in self.table.of(CORPUS, code=self._code(iso))]

    def corpus_stamps(self, isos: Sequence[str]) -> list[str]:
        """What says that the text of `isos` is there."""
        if not self.has_corpus:
            return []
        return [self.corpus_stamp(self._code(iso)) for iso in isos]

    def corpus_stamp(self, code: str) -> str:
        """That of a language, by CC-100's code."""
        return stamp(self.table.of(CORPUS), folder=self._dag.config.data, code=code)

    def _code(self, iso: str) -> str:
        return self._dag.table[iso].cc100

    def is_known(self, path: str) -> bool:
        """Whether a path is some source's, so that it is fetched or verified."""
        return self.table.source_of(path, self._dag.config.data) is not None

    def stamps(self, paths: Iterable[str]) -> list[str]:
        """What says that the sources of these paths are there; own files have none."""
        found = (self.table.source_of(path, self._dag.config.data) for path in paths)
        return [self.stamp(name) for name in dict.fromkeys(filter(None, found))]

    def stamp(self, source: str) -> str:
        return stamp(self.table.of(source), folder=self._dag.config.data)

    @property
    def stamp_pattern(self) -> str:
        """The stamp of any source, with wildcards."""
        return f"{self._dag.config.data}/{{source}}/{STAMP}{{digest}}"

    @cached_property
    def read(self) -> list[str]:
        """The sources, but for the corpus, that some job reads; one rule each."""
        paths = [config.vocabulary.model for config in self._dag.grid.configs.values()]
        for task, cells in self._dag.tasks.cells.items():
            for cell in cells:
                for data in self._dag.tasks.at(task, cell).sets.values():
                    paths += data.files()
        found = {self.table.source_of(path, self._dag.config.data) for path in paths if path}
        return [name for name in self.table.names if name in found and name != CORPUS]

    @property
    def arguments(self) -> str:
        """What the command is told beside the source."""
        config = self.config
        options = [
            "--folder",
            self._dag.config.data,
            "--table",
            config.table,
            "--fetch",
            config.fetch or "",
        ]
        for name, url in config.urls.items():
            options += ["--url", f"{name}={url}"]
        return shlex.join(options)

    def missing(self) -> list[str]:
        """What `fetch: offline` does not find: a message a source."""
        if self.config.fetch != "offline":
            return []
        groups = [list(self.table.of(name)) for name in self.read]
        if self.has_corpus:
            groups.append(self.corpus_files(self._dag.corpus_languages))
        return [told for files in groups if (told := self._told(files))]

    def to_fetch(self) -> list[Download]:
        """Each file that is not there, of the sources that are not verified yet."""
        data, table = self._dag.config.data, self._dag.table
        groups: list[tuple[str, Sequence[SourceFile], int | None]] = [
            (self.stamp(name), self.table.of(name), None) for name in self.read
        ]
        if self.has_corpus:
            for iso in self._dag.corpus_languages:
                size = round(table[iso].cc100_mb * 1e6)
                verified = self.corpus_stamp(self._code(iso))
                groups.append((verified, self.corpus_files([iso]), size))
        found = (
            Download(
                file=f"{data}/{one.source}/{one.file}",
                url=one.place,
                num_bytes=size if one.num_bytes is None else one.num_bytes,
            )
            for verified, files, size in groups
            if not Path(verified).exists()
            for one in files
        )
        return [one for one in found if not Path(one.file).is_file()]

    def _told(self, files: Sequence[SourceFile]) -> str:
        """Which of a source's files are not there: the first one in words, the others by name."""
        folder = Path(self._dag.config.data) / files[0].source
        missing = [file for file in files if not (folder / file.file).is_file()]
        if not missing:
            return ""
        first, *others = missing
        more = f"; likewise {', '.join(one.file for one in others)}" if others else ""
        return (
            f"sources.fetch: offline, and {folder / first.file} is missing: "
            f"{first.by_hand(folder)} ({first.facts}){more}"
        )
