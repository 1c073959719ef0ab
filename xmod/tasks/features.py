"""Feature files: a set's examples as token ids and targets, written once, read through a map.

A `.features` file is a safetensors file: a JSON header, then arrays of int32 (the offsets: int64).
It is written and mapped here, since safetensors writes only what is in memory. Sequences are
ragged: those of different lengths follow one another without padding.

Shapes: N sequences, T tokens of all together, L tokens of one.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from xmod.config_section import Section
from xmod.config_tasks import TaskKind
from xmod.files import atomic_path, sha256_file
from xmod.tokenization.vocabulary import UNKNOWN, Ids, Vocabulary

FORMAT_VERSION: Final = 1
_METADATA_KEY: Final = "features"
_REMEDY: Final = "delete it, to make it anew"
_TYPES: Final[Mapping[str, np.dtype[Any]]] = {"I64": np.dtype("<i8"), "I32": np.dtype("<i4")}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which numbers a kind of task keeps beside the ids."""

    per_sequence: tuple[str, ...] = ()
    per_token: tuple[str, ...] = ()

    @property
    def arrays(self) -> dict[str, str]:
        """Name -> type of each array of the file, in order."""
        named = [f"sequence.{name}" for name in self.per_sequence]
        named += [f"token.{name}" for name in self.per_token]
        return {"offsets": "I64", "ids": "I32"} | dict.fromkeys(named, "I32")


LAYOUTS: Final[Mapping[TaskKind, Layout]] = {
    "nli": Layout(per_sequence=("label",)),
    "ner": Layout(per_token=("tag",)),
    "qa": Layout(
        per_sequence=("example", "answer_start", "answer_end"), per_token=("begin", "end")
    ),
}
"""What the numbers are: `xmod/tasks/nli.py`, `ner.py` and `qa.py`."""


class FeatureFileError(ValueError):
    """A feature file is missing, truncated, foreign, or of something else than expected."""


@dataclass(frozen=True, slots=True)
class EncodedSequence:
    """One sequence that the model reads, and the numbers of its kind's layout."""

    ids: Ids
    """(L,)"""
    per_sequence: Mapping[str, int] = field(default_factory=dict)
    per_token: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    """Name -> (L,)."""


class FeatureIndex(Section):
    """What is known of a feature file, kept in its header."""

    format_version: int
    kind: TaskKind
    language: str
    vocabulary_fingerprint: str
    vocabulary_size: int
    examples_sha256: str
    """Of the file of examples that it was made from."""
    settings: dict[str, int]
    """How it was encoded: `max_length`, ..."""
    counts: dict[str, int]
    """`num_examples`, what was truncated, and whatever else the encoding counted."""
    num_sequences: int
    num_tokens: int
    num_unknown: int
    """How many of the tokens are `<unk>`."""


def write_features(
    path: Path,
    sequences: Iterable[EncodedSequence],
    *,
    kind: TaskKind,
    language: str,
    vocabulary: Vocabulary,
    examples_sha256: str,
    settings: Mapping[str, int],
    counts: Mapping[str, int],
) -> FeatureIndex:
    """Write sequences as they come; `counts` is read after the last, so encoding may fill it.

    Raises ValueError when an id is outside the vocabulary; nothing is left behind then.
    """
    layout = LAYOUTS[kind]
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        spools = {
            name: stack.enter_context(tempfile.TemporaryFile(dir=path.parent))
            for name in layout.arrays
        }
        totals = _spool(sequences, layout, spools, vocabulary)
        index = FeatureIndex(
            format_version=FORMAT_VERSION,
            kind=kind,
            language=language,
            vocabulary_fingerprint=vocabulary.fingerprint,
            vocabulary_size=vocabulary.size,
            examples_sha256=examples_sha256,
            settings=dict(settings),
            counts=dict(counts),
            **totals,
        )
        header = _header(layout, {name: spool.tell() for name, spool in spools.items()}, index)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for spool in spools.values():
                spool.seek(0)
                shutil.copyfileobj(spool, file, 2**20)
    return index


def _spool(
    sequences: Iterable[EncodedSequence],
    layout: Layout,
    spools: Mapping[str, IO[bytes]],
    vocabulary: Vocabulary,
) -> dict[str, int]:
    """Append every sequence to the arrays' own files; returns the totals."""
    totals = dict.fromkeys(("num_sequences", "num_tokens", "num_unknown"), 0)
    spools["offsets"].write(bytes(8))
    for sequence in sequences:
        ids = sequence.ids
        if not ids.size or not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary.size:
            raise ValueError(f"a sequence's ids {ids} are not of a vocabulary of {vocabulary.size}")
        totals["num_sequences"] += 1
        totals["num_tokens"] += ids.size
        totals["num_unknown"] += int(np.count_nonzero(ids == UNKNOWN))
        spools["offsets"].write(totals["num_tokens"].to_bytes(8, "little"))
        spools["ids"].write(ids.astype("<i4", copy=False).tobytes())
        for name in layout.per_sequence:
            number = sequence.per_sequence[name].to_bytes(4, "little", signed=True)
            spools[f"sequence.{name}"].write(number)
        for name in layout.per_token:
            values = sequence.per_token[name]
            assert values.shape == ids.shape
            spools[f"token.{name}"].write(values.astype("<i4", copy=False).tobytes())
    return totals


def _header(layout: Layout, sizes: Mapping[str, int], index: FeatureIndex) -> bytes:
    """safetensors' header; padded, so that the arrays begin at a multiple of 8."""
    header: dict[str, Any] = {"__metadata__": {_METADATA_KEY: index.model_dump_json()}}
    begin = 0
    for name, type_ in layout.arrays.items():
        end = begin + sizes[name]
        shape = [sizes[name] // _TYPES[type_].itemsize]
        header[name] = {"dtype": type_, "shape": shape, "data_offsets": [begin, end]}
        begin = end
    data = json.dumps(header).encode()
    return data + b" " * (-len(data) % 8)


class Features:
    """A feature file open for reading; its arrays are memory-mapped."""

    def __init__(self, path: Path, index: FeatureIndex, arrays: Mapping[str, NDArray[Any]]) -> None:
        layout = LAYOUTS[index.kind]
        self.path = path
        self.index = index
        self.offsets: NDArray[np.int64] = arrays["offsets"]
        """(N + 1,): sequence n is tokens `offsets[n]` ... `offsets[n + 1] - 1`."""
        self.ids: Ids = arrays["ids"]
        """(T,)"""
        self.per_sequence: dict[str, NDArray[np.int32]] = {
            name: arrays[f"sequence.{name}"] for name in layout.per_sequence
        }
        """Name -> (N,)."""
        self.per_token: dict[str, NDArray[np.int32]] = {
            name: arrays[f"token.{name}"] for name in layout.per_token
        }
        """Name -> (T,)."""
        self.lengths: NDArray[np.int64] = np.diff(self.offsets)
        """(N,)"""

    @classmethod
    def open(cls, path: Path, *, kind: TaskKind, vocabulary: Vocabulary, language: str) -> Features:
        """Map a file; raises FeatureFileError when it is not whole or not what is expected."""
        try:
            raw = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
        except FileNotFoundError as error:
            raise FeatureFileError(f"{path} is missing") from error
        except ValueError as error:  # an empty file cannot be mapped
            raise FeatureFileError(f"{path} is empty; {_REMEDY}") from error
        begin = 8 + int.from_bytes(raw[:8].tobytes(), "little")
        index, ranges = _read_header(path, raw[8:begin].tobytes() if begin <= len(raw) else b"")
        _check_index(path, index, kind, vocabulary, language)
        size = begin + max(last for _, last in ranges.values())
        if size != len(raw):
            raise FeatureFileError(
                f"{path}: {len(raw)} bytes where its header says {size}: the file was cut short "
                f"or changed; {_REMEDY}"
            )
        types = LAYOUTS[kind].arrays
        return cls(
            path,
            index,
            {
                name: raw[begin + first : begin + last].view(_TYPES[types[name]])
                for name, (first, last) in ranges.items()
            },
        )

    def match(self, examples: Iterable[T]) -> Iterator[tuple[int, T]]:
        """Number the examples; raises FeatureFileError when there are not as many as here."""
        expected, count = self.index.counts["num_examples"], 0
        for example in examples:
            if count < expected:
                yield count, example
            count += 1
        if count != expected:
            raise FeatureFileError(
                f"{self.path} was made from {expected} examples, but there are {count}; {_REMEDY}"
            )

    def check_examples(self, path: Path) -> None:
        """Raises FeatureFileError when it was not made from the examples of `path`."""
        if sha256_file(path) != self.index.examples_sha256:
            raise FeatureFileError(f"{self.path} was not made from {path} as it is; {_REMEDY}")

    def __len__(self) -> int:
        return len(self.lengths)


def check_finite(scores: NDArray[np.float32], *, shape: tuple[int, ...]) -> None:
    """Raises ValueError when a model's outputs have another shape, or are not all numbers."""
    if scores.shape != shape:
        raise ValueError(f"scores of shape {scores.shape} where {shape} was expected")
    if not np.isfinite(scores).all():
        raise ValueError("the model's scores are not all finite: nothing can be predicted from it")


def _read_header(path: Path, data: bytes) -> tuple[FeatureIndex, dict[str, tuple[int, int]]]:
    """The index, and where each array begins and ends, in bytes after the header."""
    try:
        header = json.loads(data)
        index = FeatureIndex.model_validate_json(header["__metadata__"][_METADATA_KEY])
        arrays = LAYOUTS[index.kind].arrays
        return index, {name: tuple(header[name]["data_offsets"]) for name in arrays}
    except (ValueError, KeyError, TypeError) as error:
        raise FeatureFileError(f"{path} is no feature file, or was cut short; {_REMEDY}") from error


def _check_index(
    path: Path, index: FeatureIndex, kind: TaskKind, vocabulary: Vocabulary, language: str
) -> None:
    expected = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "language": language,
        "vocabulary_fingerprint": vocabulary.fingerprint,
    }
    for key, value in expected.items():
        if getattr(index, key) != value:
            raise FeatureFileError(
                f"{path}: {key} is {getattr(index, key)!r} where {value!r} was expected: the "
                f"file belongs to something else; {_REMEDY}"
            )
