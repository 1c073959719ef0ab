"""Has the files of one source of data there: fetched or placed by hand, verified, unpacked.

    python -m xmod.fetch_source --source xnli --folder data --fetch download

A file that is there and is the right one is kept. With `--fetch offline` nothing is fetched. A hash
that the table does not know is recorded beside the file (`<file>.sha256`, for `sha256sum -c`) when
it is first seen, and held to ever after.
"""

from __future__ import annotations

import argparse
import lzma
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.data.download import DownloadError, Patience, download
from xmod.data.taking_turns import turn
from xmod.data.unpacking import unpack
from xmod.files import atomic_path, sha256_file, write_text_atomic
from xmod.source_table import SourceFile, read_sources
from xmod.web_page import holds_web_page

SUFFIX = ".sha256"
CHUNK_BYTES = 2**20
XZ_HEAD, XZ_TAIL = b"\xfd7zXZ\x00", b"YZ"


def main(arguments: Sequence[str] | None = None) -> None:
    """Raises DownloadError with what is wrong with each file, after the others were brought."""
    parser = argparse.ArgumentParser(
        prog="python -m xmod.fetch_source", description=__doc__, allow_abbrev=False
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--source", required=True, help="a source of the table")
    parser.add_argument("--code", help="the language, of a source with a file a language")
    parser.add_argument("--folder", type=Path, required=True, help="folder of all sources")
    parser.add_argument("--fetch", choices=("download", "offline"), required=True)
    parser.add_argument(
        "--url",
        action="append",
        default=[],
        metavar="SOURCE=PLACE",
        help="another folder of a source's files: a URL or a path",
    )
    parser.add_argument("--table", type=Path, default=Path("config/sources.tsv"))
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds without a byte")
    parser.add_argument("--tries", type=int, default=6, help="that bring no byte, until giving up")
    options = parser.parse_args(arguments)
    table = read_sources(options.table).at(dict(_source_and_place(one) for one in options.url))
    patience = Patience(tries=options.tries, timeout_seconds=options.timeout)
    problems = []
    for file in table.of(options.source, code=options.code):
        folder = options.folder / options.source
        try:
            with turn(folder / file.file):
                how = fetch_file(
                    file, folder, is_offline=options.fetch == "offline", patience=patience
                )
            print(f"{folder / file.file}: {how}; licence: {file.licence}", flush=True)
        except (ValueError, OSError) as error:
            problems.append(f"{file.source}: {error}")
    if problems:
        raise DownloadError("\n".join(problems))


def _source_and_place(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals or not place:
        raise DownloadError(f"--url: {text!r}; legal: SOURCE=PLACE, such as xnli=/scratch/files")
    return name, place


def fetch_file(
    file: SourceFile, folder: Path, *, is_offline: bool, patience: Patience | None = None
) -> str:
    """Have one file in `folder`, verified and unpacked; returns "kept" or "fetched".

    Raises DownloadError with what to do, and ValueError or OSError as unpacking does.
    """
    target = folder / file.file
    how = "kept"
    if target.is_file():
        problem = _mismatch(file, target)
        if problem is not None:
            note = f"{problem}; set aside as {_set_aside(target)}"
            if is_offline:
                raise DownloadError(f"{note}. {_by_hand(file, folder)}")
            print(f"note: {note}", file=sys.stderr)
    if not target.is_file():
        if is_offline:
            raise DownloadError(f"{target} is missing. {_by_hand(file, folder)}")
        _bring(file, target, patience)
        problem = _mismatch(file, target)
        if problem is not None:
            aside = _set_aside(target)
            raise DownloadError(f"{problem}; set aside as {aside}. {_by_hand(file, folder)}")
        how = "fetched"
    _record(file, target)
    if file.members is not None:
        unpack(target, folder, members=file.members)
    return how


def _by_hand(file: SourceFile, folder: Path) -> str:
    return f"By hand: {file.by_hand(folder)} ({file.facts})"


def _bring(file: SourceFile, target: Path, patience: Patience | None) -> None:
    if "://" in file.url:
        download(file.place, target, patience=patience)
        return
    source = Path(file.place).expanduser()
    if not source.is_file():
        raise DownloadError(f"no file {source}. {_by_hand(file, target.parent)}")
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _mismatch(file: SourceFile, path: Path) -> str | None:
    """None when `path` is the file, else what is wrong with it."""
    size = path.stat().st_size
    if size == 0:
        return f"{path} is empty"
    if path.suffix == ".xz" and not _is_whole_xz(path):
        is_page = holds_web_page(path)
        why = (
            "it is a web page (HTML or XML)" if is_page else "it was cut short, or is another file"
        )
        return f"{path} is no whole xz archive ({size} bytes): {why}"
    expected = file.sha256 or _recorded(path)
    if expected is None:  # what is recorded now is held to ever after
        return _damage(path) if path.suffix == ".xz" else None
    if (found := sha256_file(path)) == expected:
        return None
    known = f" ({file.num_bytes} bytes)" if file.num_bytes is not None else ""
    whose = "the table's" if file.sha256 else f"the one recorded in {_record_of(path).name}"
    page = "a web page (HTML or XML), " if holds_web_page(path) else ""
    wrong = f"; where the record is wrong, delete {_record_of(path)} and put the file back"
    return (
        f"{path} is {page}not {file.source} {file.version}: its SHA-256 is {found} ({size} bytes), "
        f"{whose} is {expected}{known}{'' if file.sha256 else wrong}"
    )


def _is_whole_xz(path: Path) -> bool:
    """Whether it begins and ends as xz archives do: of CC-100 no hash was published."""
    with path.open("rb") as stream:
        head = stream.read(len(XZ_HEAD))
        stream.seek(-min(1024, path.stat().st_size), os.SEEK_END)
        return head == XZ_HEAD and stream.read().rstrip(b"\0").endswith(XZ_TAIL)


def _damage(path: Path) -> str | None:
    """What unpacking says against an xz archive, which holds a checksum of each block."""
    try:
        with lzma.open(path) as stream:
            while stream.read(CHUNK_BYTES):
                pass
    except (lzma.LZMAError, EOFError) as error:
        return f"{path} is damaged ({error})"
    return None


def _record_of(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def _recorded(path: Path) -> str | None:
    """The hash that was recorded; raises DownloadError where the record is no record."""
    try:
        text = _record_of(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    digest = text.partition(" ")[0].strip()
    if len(digest) != 64:
        raise DownloadError(f"{_record_of(path)}: no SHA-256; delete it to record the file anew")
    return digest


def _record(file: SourceFile, path: Path) -> None:
    """Note the hash of a file that the table has none of, at first sight."""
    if file.sha256 is None and not _record_of(path).is_file():
        digest = sha256_file(path)
        write_text_atomic(_record_of(path), f"{digest}  {path.name}\n")
        print(f"note: {path.name}: no hash was published; recorded {digest}", file=sys.stderr)


def _set_aside(path: Path) -> Path:
    """Rename a file that is another one, so that nothing reads it and a person can look at it."""
    aside = path.with_name(f"{path.name}.wrong-{sha256_file(path)[:12]}")
    path.replace(aside)
    return aside


if __name__ == "__main__":
    run(main)
