"""Brings one file over HTTP: resumed where it was cut, retried with back-off, whole or not there.

What has come so far lies beside the target as `.<name>.part`, with the server's mark of the file's
version in `.<name>.part.json`; another process goes on there. A file that changed meanwhile begins
anew. What the file must be, the caller checks, who also sees to it that no other process is at it.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import requests

from xmod.files import naming_full_disk, write_json_atomic
from xmod.web_page import is_web_page

CHUNK_BYTES: Final = 2**16
MAX_REDIRECTS: Final = 5
MAX_WAIT_SECONDS: Final = 120.0
TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which another try makes sense."""


class DownloadError(ValueError):
    """A file cannot be brought; the message says from where and why."""


class _Cut(Exception):
    """This try came to nothing, the next may not; `wait` is what the server asked for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to try."""

    tries: int = 6
    """Tries one after another that bring no byte, after which it is given up (our choice)."""
    wait_seconds: float = 1.0
    """Before the second try; doubled each time."""
    timeout_seconds: float = 60.0
    """Without a byte, after which a connection is taken for dead."""
    sleep: Callable[[float], None] = time.sleep


def download(url: str, target: Path, *, patience: Patience | None = None) -> None:
    """Put what `url` holds at `target`.

    Raises DownloadError when the server refuses, sends a web page instead, or brings nothing for
    `patience.tries` times. What has come is kept for the next call.
    """
    patience = patience or Patience()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    failures = 0
    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        while True:
            before = _size(part)
            try:
                _receive(session, url, part, timeout=patience.timeout_seconds)
                break
            except _Cut as cut:
                failures = 1 if _size(part) > before else failures + 1
                if failures >= patience.tries:
                    kept = f"; {size:,} bytes are kept" if (size := _size(part)) else ""
                    raise DownloadError(
                        f"{url}: {cut}; given up after {failures} tries that brought nothing{kept}"
                    ) from cut
                wait = max(cut.wait, patience.wait_seconds * 2 ** (failures - 1))
                patience.sleep(min(wait, MAX_WAIT_SECONDS))
    part.replace(target)
    _mark(part).unlink(missing_ok=True)


def _receive(session: requests.Session, url: str, part: Path, *, timeout: float) -> None:
    """One try, from where the last one ended; raises _Cut, or DownloadError when it is hopeless."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"}  # the file's bytes, as they are hashed
    mark = _read_mark(part)
    if have and mark:
        headers |= {"Range": f"bytes={have}-", "If-Range": mark}
    with (
        _network_errors(url),
        session.get(url, headers=headers, stream=True, timeout=timeout) as response,
    ):
        if response.status_code == 416:
            _check_whole(response, part)
            return
        _check_status(response, url)
        start, total = _extent(response)
        if start not in (0, have):
            _mark(part).unlink(missing_ok=True)  # the next try asks for all of it
            raise _Cut(f"asked for all from byte {have:,}, the server sent that from {start:,}")
        _check_space(part, total, start)
        chunks = response.iter_content(CHUNK_BYTES)
        first = next(chunks, b"")
        if start == 0:  # what is there is given up only for what may be the file
            _check_page(first, url)
        _write_mark(part, response)
        with naming_full_disk(part), part.open("ab" if start else "wb") as stream:
            for chunk in chain([first], chunks):
                stream.write(chunk)
    if total is not None and _size(part) < total:
        raise _Cut(f"the connection ended after {_size(part):,} of {total:,} bytes")


@contextmanager
def _network_errors(url: str) -> Iterator[None]:
    """What goes wrong on the way may go well the next time; a wrong address never does."""
    try:
        yield
    except requests.TooManyRedirects as error:
        raise DownloadError(f"{url}: redirected more than {MAX_REDIRECTS} times") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
        raise DownloadError(f"{url}: no URL ({error})") from error
    except requests.exceptions.InvalidSchema as error:
        raise DownloadError(
            f"{url}: legal: http://, https://, or a path of this machine"
        ) from error
    except requests.RequestException as error:
        raise _Cut(f"{type(error).__name__} ({_innermost(error)})") from error


def _innermost(error: BaseException) -> str:
    """What the system said, in a line, without the objects of the layers in between."""
    while inner := error.__cause__ or (not error.__suppress_context__ and error.__context__):
        error = inner
    said = (isinstance(error, OSError) and error.strerror) or str(error)
    return " ".join(said.split())


def _check_whole(response: requests.Response, part: Path) -> None:
    """Nothing follows what is there: it is the whole file, or not of this file: then begin anew."""
    if response.headers.get("Content-Range") != f"bytes */{_size(part)}":
        part.unlink(missing_ok=True)
        raise _Cut(f"the server answered {response.status_code} {response.reason}")


def _check_status(response: requests.Response, url: str) -> None:
    code = response.status_code
    if code in (200, 206):
        return
    reason = f"the server answered {code} {response.reason}"
    if code in TRANSIENT:
        after = response.headers.get("Retry-After", "")
        raise _Cut(reason, float(after) if after.isdigit() else 0.0)
    moved = f" (redirected to {response.url})" if response.url != url else ""
    raise DownloadError(f"{url}: {reason}{moved}")


def _extent(response: requests.Response) -> tuple[int, int | None]:
    """Where in the file the answer begins, and the whole file's size where the server says it."""
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else None
    if response.status_code != 206:
        return 0, size
    said = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", said)
    if match is None:
        raise _Cut(f"the server sent a part without saying which (Content-Range: {said!r})")
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _check_space(part: Path, total: int | None, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise DownloadError(
            f"{part.parent}: no space: {total - start:,} bytes are to come, {free:,} are free"
        )


def _check_page(chunk: bytes, url: str) -> None:
    """A portal or an error page may come with 200 OK."""
    if is_web_page(chunk):
        raise DownloadError(
            f"{url}: the server sent a web page, not the file; open the URL in a browser to see "
            "what it wants, or give another one in sources.urls"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _mark(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _write_mark(part: Path, response: requests.Response) -> None:
    """Note which version of the file this is; a weak ETag does not promise the same bytes."""
    etag = response.headers.get("ETag", "")
    value = response.headers.get("Last-Modified") if etag.startswith("W/") or not etag else etag
    write_json_atomic(_mark(part), {"version": value})


def _read_mark(part: Path) -> str | None:
    """The version that the part is of; without one it cannot be gone on with."""
    try:
        value = json.loads(_mark(part).read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None
