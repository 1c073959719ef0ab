"""Collects a language's text: read, clean, deduplicate, split, cap, write, count.

Two passes, so that memory stays bounded whatever the source's size. The first cleans, drops
duplicates and notes each kept line with its side. The second leaves out the training lines
that nearly duplicate a held-out line, and samples down to the cap.
"""

from __future__ import annotations

import contextlib
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from xmod.data.cleaning import Cleaner
from xmod.data.sources import Source, SourceError
from xmod.data.splitting import Splitter, fingerprint
from xmod.files import atomic_path, naming_full_disk
from xmod.languages import Language
from xmod.paths import SPLITS, Split

MIN_HELDOUT_CAP = 20_000
"""A cap leaves at least so many held-out characters, for a steady perplexity (our choice)."""

_MAX_SEEN = 1_000_000
"""Duplicates are found within so many distinct lines at least; memory stays below 200 MB."""
NUM_BUCKETS = 2**16
"""Of the hash order in which a cap samples."""


@dataclass
class Count:
    """How much text there is."""

    documents: int = 0
    lines: int = 0
    characters: int = 0
    bytes: int = 0

    def add(self, text: str) -> None:
        self.lines += 1
        self.characters += len(text)
        self.bytes += len(text.encode("utf-8"))

    def include(self, other: Count) -> None:
        """Add what another part of the text has."""
        self.documents += other.documents
        self.lines += other.lines
        self.characters += other.characters
        self.bytes += other.bytes


@dataclass
class Collected:
    """What was collected of one language."""

    total: dict[Split, Count] = field(default_factory=lambda: {split: Count() for split in SPLITS})
    by_source: dict[Split, dict[str, Count]] = field(
        default_factory=lambda: {split: {} for split in SPLITS}
    )
    drops: Counter[str] = field(default_factory=Counter)
    script_share: float | None = None
    """Of the first letters, where the text is a file's."""

    @property
    def dropped(self) -> str:
        """What was dropped, for a person: the most frequent reason first."""
        found = (f"{number:,} {reason}" for reason, number in self.drops.most_common() if number)
        return ", ".join(found) or "nothing"

    def count(self, split: Split, source: str, text: str, *, starts_document: bool) -> None:
        counts = self.by_source[split].setdefault(source, Count())
        for count in (self.total[split], counts):
            count.add(text)
            count.documents += starts_document


class _Candidate(NamedTuple):
    """A clean, distinct line of the first pass."""

    document: int
    source: str
    place: int
    """Its place in the order in which a cap samples."""
    fingerprint: int
    text: str


class Collector:
    """Collects languages from one source under one configuration."""

    def __init__(
        self, source: Source, *, splitter: Splitter, heldout_fraction: float, cap: int | None
    ) -> None:
        """`cap`: at most so many training characters a language, None for all."""
        self._source = source
        self._splitter = splitter
        self._caps = self.caps(cap, heldout_fraction)

    @staticmethod
    def caps(cap: int | None, heldout_fraction: float) -> dict[Split, int | None]:
        """The most characters of each split: held-out text in proportion."""
        if cap is None:
            return {"train": None, "heldout": None}
        share = heldout_fraction / (1 - heldout_fraction)
        return {"train": cap, "heldout": max(MIN_HELDOUT_CAP, int(cap * share))}

    def collect(self, language: Language, folder: Path) -> Collected:
        """Write `train.txt` and `heldout.txt` of a language; raises SourceError if one is empty."""
        collected = self.collect_part(language, folder)
        remedy = "give text for it with corpora.source: files"
        source = f"source {self._source.name!r}"
        check_splits(language, collected, source=source, remedy=remedy)
        return collected

    def collect_part(self, language: Language, folder: Path) -> Collected:
        """The same of a part of a language's text, of which either file may be empty."""
        collected = Collected()
        folder.mkdir(parents=True, exist_ok=True)
        with naming_full_disk(folder), _Notes(folder) as notes:
            heldout_prints = self._read(language, notes, collected)
            for split in SPLITS:
                avoided = heldout_prints if split == "train" else set()
                self._write(split, notes, folder / f"{split}.txt", collected, avoided)
        collected.drops += Counter()  # Forgets reasons that were counted zero times.
        return collected

    def _read(self, language: Language, notes: _Notes, collected: Collected) -> set[int]:
        """The first pass; returns the fingerprints of keyed held-out lines."""
        cleaner = Cleaner(language, is_translation=self._source.is_translation)
        seen = {split: _Seen() for split in SPLITS}
        heldout_prints: set[int] = set()
        place = self._splitter.place
        for number, document in enumerate(self._source.documents(language, collected.drops)):
            for line in document.lines:
                text = cleaner.clean(line, collected.drops)
                if text is None:
                    continue
                letters = fingerprint(text)
                split = self._splitter.split(line.key, letters)
                if seen[split].has(place(text, "same")):
                    collected.drops["duplicate"] += 1
                    continue
                letters_place = place(letters, "near")
                if split == "heldout" and line.key is not None:
                    heldout_prints.add(letters_place)
                order = place(line.key or text, "sample")
                notes.add(split, _Candidate(number, document.source, order, letters_place, text))
        return heldout_prints

    def _write(
        self,
        split: Split,
        notes: _Notes,
        path: Path,
        collected: Collected,
        avoided: set[int],
    ) -> None:
        """The second pass over one split, into its file."""
        cap = self._caps[split]
        candidates = notes.read(split)
        sample = None
        if cap is not None:
            sample = _Sample(
                cap, (one for one in notes.read(split) if one.fingerprint not in avoided)
            )
        document = None
        with (
            atomic_path(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as out,
        ):
            for one in candidates:
                if one.fingerprint in avoided:
                    collected.drops["near a held-out line"] += 1
                    continue
                if sample is not None and not sample.has(one):
                    collected.drops["over the cap"] += 1
                    continue
                starts_document = one.document != document
                if starts_document and document is not None:
                    out.write("\n")
                out.write(one.text + "\n")
                collected.count(split, one.source, one.text, starts_document=starts_document)
                document = one.document


def check_splits(language: Language, collected: Collected, *, source: str, remedy: str) -> None:
    """Raise SourceError where a split has no text, with what was dropped and how to get some."""
    for split in SPLITS:
        if collected.total[split].lines == 0:
            raise SourceError(
                f"{language.iso} ({language.name}): {source} leaves no {split} text (dropped: "
                f"{collected.dropped}); {remedy}, or take the language out of the language set"
                + ("; or raise corpora.heldout_fraction" if split == "heldout" else "")
            )


class _Sample:
    """The lines that a cap keeps: the first in hash order, found in bounded memory.

    Whole buckets of the hash order are kept while they fit; the bucket where the cap is
    reached is kept in reading order while its lines fit.
    """

    def __init__(self, cap: int, candidates: Iterator[_Candidate]) -> None:
        sizes = array("Q", bytes(8 * NUM_BUCKETS))
        for one in candidates:
            sizes[self._bucket(one)] += len(one.text)
        total = 0
        self._last = 0
        while self._last < NUM_BUCKETS and total + sizes[self._last] <= cap:
            total += sizes[self._last]
            self._last += 1
        self._left = cap - total

    def has(self, one: _Candidate) -> bool:
        """Whether the next candidate, in reading order, is kept."""
        bucket = self._bucket(one)
        if bucket == self._last and len(one.text) <= self._left:
            self._left -= len(one.text)
            return True
        return bucket < self._last

    @staticmethod
    def _bucket(one: _Candidate) -> int:
        return one.place * NUM_BUCKETS >> 64


class _Seen:
    """Remembers the lines of late in bounded memory: two generations of hashes."""

    def __init__(self) -> None:
        self._young: set[int] = set()
        self._old: set[int] = set()

    def has(self, item: int) -> bool:
        """Whether `item` was asked for before; remembers it."""
        if item in self._young or item in self._old:
            return True
        if len(self._young) >= _MAX_SEEN:
            self._old, self._young = self._young, set()
        self._young.add(item)
        return False


class _Notes(contextlib.AbstractContextManager["_Notes"]):
    """The candidates of the first pass, on disk beside the output, gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self._open = contextlib.ExitStack()
        self._files: dict[Split, IO[str]] = {
            split: self._open.enter_context(
                tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=folder)  # noqa: SIM115
            )
            for split in SPLITS
        }

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def add(self, split: Split, one: _Candidate) -> None:
        self._files[split].write("\t".join(map(str, one)) + "\n")

    def read(self, split: Split) -> Iterator[_Candidate]:
        """All candidates of a split; one reading at a time."""
        stream = self._files[split]
        stream.seek(0)
        for line in stream:
            document, source, place, letters, text = line.rstrip("\n").split("\t")
            yield _Candidate(int(document), source, int(place), int(letters), text)
