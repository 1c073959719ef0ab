"""Collects a language's text shard by shard, in parallel, so that an interrupted job goes on.

A shard's clean text lies in `<folder>/.shards-<digest>-<size>/<number>/` until all are joined and
counted; the caller removes it then. The archive itself is only ever streamed. A text of one shard
goes the way of every other source, with the same bytes.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from xmod.data.collecting import Collected, Collector, Count, check_splits
from xmod.data.script_share import WRONG_ARCHIVE, check_head
from xmod.data.shard_limits import Limit, bucket_of, limits_of, write_sizes
from xmod.data.shards import SHARD_BYTES, cut_shards, in_order
from xmod.data.sources.files import FilesSource, read_documents
from xmod.data.sources.interface import Document
from xmod.data.splitting import Splitter
from xmod.files import atomic_path, write_json_atomic
from xmod.languages import Language
from xmod.paths import SPLITS, Split

PART = "part.json"
"""Written last: a shard's folder without it is not whole."""
_SHARDS = ".shards-"
_GONE = ".shards-gone-"


@dataclass(frozen=True, kw_only=True)
class ShardCollector:
    """Collects the languages of a source of files, however large."""

    source: FilesSource
    splitter: Splitter
    heldout_fraction: float
    cap: int | None
    workers: int = 1
    shard_bytes: int = SHARD_BYTES

    def collect(self, language: Language, folder: Path, *, digest: str) -> Collected:
        """Write `train.txt` and `heldout.txt`; raises SourceError as a Collector does.

        `digest` says what the text depends on: shards of another one are thrown away. Those of this
        one stay until `remove_shards`, so that a job killed before it ended goes on.
        """
        work = folder / f"{_SHARDS}{digest[:16]}-{self.shard_bytes}"
        remove_shards(folder, keep=work)
        drops: Counter[str] = Counter()
        with self.source.open(language) as stream:
            shards = cut_shards(stream, drops, shard_bytes=self.shard_bytes)
            first = list(islice(shards, 2))
            # An empty file has no shard.
            share = check_head(first[0], language, source=self.source) if first else None
            if len(first) < 2:
                whole = self._collect_whole(language, folder, b"".join(first), drops)
                return dataclasses.replace(whole, script_share=share)
            tasks = (
                self._task(language, work / f"{number:06}", data)
                for number, data in enumerate(chain(_popped(first), shards))
            )
            parts = list(in_order(_collect, tasks, workers=self.workers))
        return dataclasses.replace(self._join(language, folder, parts, drops), script_share=share)

    def _collect_whole(
        self, language: Language, folder: Path, data: bytes, drops: Counter[str]
    ) -> Collected:
        """A text of one shard, as any other source's."""
        collector = Collector(
            _Bytes(data, self.source.name),
            splitter=self.splitter,
            heldout_fraction=self.heldout_fraction,
            cap=self.cap,
        )
        collected = collector.collect_part(language, folder)
        collected.drops += drops
        self._check_splits(language, collected)
        return collected

    def _check_splits(self, language: Language, collected: Collected) -> None:
        remedy = WRONG_ARCHIVE if self.source.name == "cc100" else "put more text there"
        check_splits(language, collected, source=str(self.source.path(language)), remedy=remedy)

    def _task(self, language: Language, folder: Path, data: bytes) -> _Task:
        """What a worker is given; a shard that is there already needs no text."""
        return _Task(
            language=language,
            folder=folder,
            data=None if (folder / PART).is_file() else data,
            source=self.source.name,
            splitter=self.splitter,
            heldout_fraction=self.heldout_fraction,
            has_cap=self.cap is not None,
        )

    def _join(
        self, language: Language, folder: Path, parts: Sequence[Path], drops: Counter[str]
    ) -> Collected:
        has_cap = self.cap is not None
        if has_cap:
            caps = Collector.caps(self.cap, self.heldout_fraction)
            limits = {split: limits_of(parts, split, caps[split] or 0) for split in SPLITS}
            tasks = (
                _Thinning(
                    folder=one,
                    splitter=self.splitter,
                    limits={split: limits[split][number] for split in SPLITS},
                )
                for number, one in enumerate(parts)
            )
            found = list(in_order(_thin, tasks, workers=self.workers))
        else:
            found = [_read_part(one) for one in parts]
        collected = Collected()
        for one in found:
            _add(collected, one)
        collected.drops += drops
        self._check_splits(language, collected)
        for split in SPLITS:
            name = _thinned(split) if has_cap else f"{split}.txt"
            _concatenate([one / name for one in parts], folder / f"{split}.txt")
        return collected


def remove_shards(folder: Path, *, keep: Path | None = None) -> None:
    """Remove the shards of a language's folder, but for those in `keep`.

    A folder is renamed first: of one that is half removed no job may go on.
    """
    for left in folder.glob(f"{_GONE}*"):
        shutil.rmtree(left)
    for left in folder.glob(f"{_SHARDS}*"):
        if left != keep:
            shutil.rmtree(left.rename(left.with_name(_GONE + left.name.removeprefix(_SHARDS))))


@dataclass(frozen=True, kw_only=True)
class _Task:
    language: Language
    folder: Path
    data: bytes | None
    source: str
    splitter: Splitter
    heldout_fraction: float
    has_cap: bool


class _Bytes:
    """A shard's text as a source."""

    is_translation = False

    def __init__(self, data: bytes, name: str) -> None:
        self.name, self._data = name, data

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        del language
        return read_documents(io.BytesIO(self._data), drops, source=self.name)

    def identity(self, language: Language) -> dict[str, str]:
        return {self.name: language.iso}


def _collect(task: _Task) -> Path:
    """Clean and split one shard, unless that was done."""
    if task.data is None:
        return task.folder
    collector = Collector(
        _Bytes(task.data, task.source),
        splitter=task.splitter,
        heldout_fraction=task.heldout_fraction,
        cap=None,
    )
    collected = collector.collect_part(task.language, task.folder)
    if task.has_cap:
        for split in SPLITS:
            write_sizes(task.folder, split, task.splitter)
    write_json_atomic(task.folder / PART, _as_json(collected))
    return task.folder


@dataclass(frozen=True, kw_only=True)
class _Thinning:
    folder: Path
    splitter: Splitter
    limits: dict[Split, Limit]


def _thin(task: _Thinning) -> Collected:
    """Write a shard's lines within the limits; returns what the shard then has."""
    before = _read_part(task.folder)
    collected = Collected(drops=before.drops)
    (source,) = before.by_source["train"] | before.by_source["heldout"] or {"": Count()}
    for split in SPLITS:
        bucket, left = task.limits[split]
        documents = _documents(task.folder / f"{split}.txt")
        with (
            atomic_path(task.folder / _thinned(split)) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as out,
        ):
            for lines in documents:
                kept = []
                for text in lines:
                    place = bucket_of(text, task.splitter)
                    if place == bucket and len(text) <= left:
                        left -= len(text)
                        kept.append(text)
                    elif place < bucket:
                        kept.append(text)
                collected.drops["over the cap"] += len(lines) - len(kept)
                if kept and collected.total[split].lines:
                    out.write("\n")
                for number, text in enumerate(kept):
                    out.write(text + "\n")
                    collected.count(split, source, text, starts_document=number == 0)
    collected.drops += Counter()
    return collected


def _documents(path: Path) -> Iterator[list[str]]:
    lines: list[str] = []
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            if text := line.rstrip("\n"):
                lines.append(text)
            else:
                yield lines
                lines = []
    if lines:
        yield lines


def _thinned(split: Split) -> str:
    return f"{split}.thinned.txt"


def _concatenate(paths: Sequence[Path], target: Path) -> None:
    """Join the files; an empty line parts the documents of two shards."""
    with atomic_path(target) as temporary, temporary.open("wb") as out:
        for path in paths:
            if not path.stat().st_size:
                continue
            if out.tell():
                out.write(b"\n")
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, out, 2**20)


def _popped(items: list[bytes]) -> Iterator[bytes]:
    """The items, each let go of when it was given."""
    while items:
        yield items.pop(0)


def _as_json(collected: Collected) -> dict[str, object]:
    return {
        "total": {split: dataclasses.asdict(collected.total[split]) for split in SPLITS},
        "by_source": {
            split: {
                name: dataclasses.asdict(count)
                for name, count in collected.by_source[split].items()
            }
            for split in SPLITS
        },
        "drops": dict(collected.drops),
    }


def _read_part(folder: Path) -> Collected:
    stored = json.loads((folder / PART).read_text(encoding="utf-8"))
    return Collected(
        total={split: Count(**stored["total"][split]) for split in SPLITS},
        by_source={
            split: {name: Count(**count) for name, count in stored["by_source"][split].items()}
            for split in SPLITS
        },
        drops=Counter(stored["drops"]),
    )


def _add(collected: Collected, part: Collected) -> None:
    for split in SPLITS:
        collected.total[split].include(part.total[split])
        for name, count in part.by_source[split].items():
            collected.by_source[split].setdefault(name, Count()).include(count)
    collected.drops += part.drops
