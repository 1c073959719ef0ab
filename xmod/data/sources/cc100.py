"""CC-100 (Conneau et al. 2020, Wenzek et al. 2020): an xz archive a language, streamed.

The format is that of `files`, which it gave its name to; the files are called by CC-100's codes.
"""

from __future__ import annotations

from pathlib import Path

from xmod.data.sources.files import FilesSource
from xmod.data.sources.interface import SourceError
from xmod.languages import Language


class Cc100Source(FilesSource):
    """The corpus as it is published."""

    name = "cc100"

    def path(self, language: Language) -> Path:
        """The language's archive; raises SourceError where it is not there."""
        path = self._folder / f"{language.cc100}.txt.xz"
        if not path.is_file():
            raise SourceError(
                f"{language.iso} ({language.name}): {path} is missing; `python -m "
                f"xmod.fetch_source --source cc100 --code {language.cc100} --folder "
                f"{self._folder.parent} --fetch download` fetches it"
            )
        return path

    def identity(self, language: Language) -> dict[str, str]:
        """The archive's hash, which was recorded when it was fetched; else its size and time."""
        record = self.path(language).with_name(f"{self.path(language).name}.sha256")
        if record.is_file():
            return {self.name: record.read_text(encoding="utf-8").partition(" ")[0]}
        return super().identity(language)
