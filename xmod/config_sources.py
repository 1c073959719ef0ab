"""The configuration of text and of published data: from where, and how text is split and sized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from xmod.config_section import Name, Section

OWN_SIZES = {"embedded": "embedded_kchars", "files": "folder", "cc100": "cc100_mb"}
"""Source of text -> what `corpora.sizes` is where it is left out."""


class CorporaConfig(Section):
    """Where text comes from and how it is split."""

    source: Literal["embedded", "files", "cc100"] = "embedded"
    """`embedded`: text from pinned packages; `files`: a folder of one's own (docs/data.md);
    `cc100`: CC-100 (Conneau et al. 2020), the paper's, as `sources` has it (docs/sources.md)."""
    folder: str | None = None
    """For `files`: a folder with one text file a language, `<iso>.txt`, in CC-100's format."""
    max_characters: int | None = Field(default=None, ge=1000)
    """At most so many training characters a language; null for all."""
    heldout_fraction: float = Field(default=0.05, gt=0.0, lt=0.5)
    """Share of the text that is held out for perplexity: our choice."""
    salt: str = "x-mod"
    """Salts the hash that holds lines out: another salt, another split."""
    sizes: Literal["embedded_kchars", "cc100_mb", "folder", "counts"]
    """How much text a language has (n_l): a column of languages.tsv, the sizes of the files in the
    folder, or what was counted after cleaning. Left out, that of the source, or `counts` where
    there are."""
    counts: str | None = None
    """For `sizes: counts`: a copy of a run's `summary/corpora.csv`, whose training characters count
    (docs/sources.md). A copy, since a run's own file is made anew in the middle of it."""
    recipe_version: int = 1
    """Bump by hand when the code changes the text that comes out."""

    @model_validator(mode="before")
    @classmethod
    def _sizes_follow_the_source(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        source = str(values.get("source", "embedded"))
        own = "counts" if values.get("counts") else OWN_SIZES.get(source, "embedded_kchars")
        return {"sizes": own, **values}

    @model_validator(mode="after")
    def _folder_goes_with_files(self) -> Self:
        is_right = self.source == "cc100" or (self.source == "files") == (self.folder is not None)
        if not is_right:  # a job that reads CC-100 is told the folder; see Config
            raise ValueError("corpora.folder is given exactly when corpora.source is 'files'")
        if self.sizes == "folder" and self.folder is None:
            raise ValueError("corpora.sizes: folder needs corpora.source: files")
        if (self.sizes == "counts") != (self.counts is not None):
            raise ValueError(
                f"corpora.sizes is {self.sizes!r} and corpora.counts {self.counts!r}: these go "
                "together; leave corpora.sizes out, which is 'counts' where there are counts"
            )
        return self

    @property
    def listed_in(self) -> str:
        """The sizes that say which languages have text: counts may be of some of them only."""
        return OWN_SIZES[self.source] if self.sizes == "counts" else self.sizes


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
