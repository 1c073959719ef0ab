"""Snakemake's notes, written as its own code writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from snakemake.persistence.file import FilePersistence

from xmod.analysis.report.notes import Notes

LONG = "results/" + "a-long-name-" * 30 + "/model.safetensors"


@pytest.fixture
def persistence(tmp_path: Path) -> FilePersistence:
    return FilePersistence(path=tmp_path / ".snakemake")


@pytest.mark.parametrize("path", ["results/é/model", LONG, "a"])
def test_marks_are_read_back(persistence: FilePersistence, path: str) -> None:
    persistence._mark_incomplete(path, None)
    notes = Notes(persistence.path)
    assert notes.are_there
    assert notes.unfinished == {path}
    persistence._unmark_incomplete(path)
    assert Notes(persistence.path).unfinished == frozenset()


def test_a_lock_is_seen_while_it_is_held(persistence: FilePersistence) -> None:
    assert not Notes(persistence.path).is_locked
    persistence._write_locks("output", ["results/model"])
    assert Notes(persistence.path).is_locked
    persistence._delete_locks()
    assert not Notes(persistence.path).is_locked


@pytest.mark.parametrize("path", ["results/model", LONG])
def test_checksums_are_found(persistence: FilePersistence, path: str) -> None:
    record = {"input_checksums": {"a": "sha256:1"}}
    persistence._io_write(persistence._metadata_path, record, path)
    assert Notes(persistence.path).checksums(path) == {"a": "sha256:1"}
    assert Notes(persistence.path).checksums("another") == {}


def test_a_record_that_is_being_written_is_none(persistence: FilePersistence) -> None:
    persistence._io_write(persistence._metadata_path, {}, "a")
    Path(persistence._record_path(persistence._metadata_path, "a")).write_text('{"input')
    assert Notes(persistence.path).checksums("a") == {}


def test_what_is_no_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "incomplete").mkdir()
    (tmp_path / "incomplete/migration_underway").write_text(json.dumps({}))
    assert all(path.isprintable() for path in Notes(tmp_path).unfinished)


def test_there_may_be_no_notes(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "none")
    assert not notes.are_there
    assert not notes.is_locked
    assert notes.unfinished == frozenset()
