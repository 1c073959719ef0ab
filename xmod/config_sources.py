"""The configuration of published data: whether they are fetched, from where, to which folder."""

from __future__ import annotations

from typing import Literal

from xmod.config_section import Name, Section


class SourcesConfig(Section):
    """Published data: CC-100, XLM-R's vocabulary, the tasks' sets (docs/sources.md).

    A file below `<data>/<source>/` that another key names is the source's: it is verified before
    it is used. What is here changes no result, as long as the files are the same.
    """

    fetch: Literal["download", "offline"] | None = None
    """`download`: what is not there is fetched; `offline`: it was placed there by hand, and is
    verified all the same; null: every file is one's own, and taken as it is."""
    table: str = "config/sources.tsv"
    """The files of each source, with version, size and hash."""
    urls: dict[Name, str] = {}
    """Source -> another folder with its files: a mirror's URL, or a path of this machine."""
