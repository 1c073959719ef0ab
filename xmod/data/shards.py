"""Work on a long text in shards: cut by the text alone, done by any number of processes.

Where a shard ends depends on the text and on SHARD_BYTES, never on who does the work, so that the
results are the same bytes for every number of workers.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import BinaryIO, Final, TypeVar

SHARD_BYTES: Final = 2**26
"""Of text: some 400,000 lines, so that neither a worker nor the process that hands out shards needs
2 GiB; duplicates are found within one shard (our choice)."""
MAX_DOCUMENT_BYTES: Final = 2**23
"""A shard ends with a document, or with a line where the document is longer than this."""
_READ_BYTES: Final = 2**20

Task = TypeVar("Task")
Result = TypeVar("Result")


def cut_shards(
    stream: BinaryIO, drops: Counter[str], *, shard_bytes: int = SHARD_BYTES
) -> Iterator[bytes]:
    """The text in pieces that end with a document, the first end after `shard_bytes`.

    Where no document ends within MAX_DOCUMENT_BYTES, a line does; of a line that is longer than
    that, the rest is skipped and counted.
    """
    rest = b""
    while True:
        buffer = bytearray(rest)
        limit = shard_bytes + MAX_DOCUMENT_BYTES
        while len(buffer) < limit and (data := stream.read(min(_READ_BYTES, limit - len(buffer)))):
            buffer += data
        end = _end(buffer, shard_bytes)
        if end:
            rest = bytes(buffer[end:])
            del buffer[end:]
        elif len(buffer) < limit:  # the text's end
            if buffer:
                yield bytes(buffer)
            return
        else:
            last = buffer.rfind(b"\n") + 1
            del buffer[last:]
            drops["line too long"] += 1
            rest = _after_line(stream)
        if buffer:
            yield bytes(buffer)


def _end(buffer: bytearray, start: int) -> int:
    """Where the first document, or else line, ends after `start`; 0 where none does."""
    for mark in (b"\n\n", b"\n"):
        found = buffer.find(mark, start - len(mark))
        if found >= 0:
            return found + len(mark)
    return 0


def _after_line(stream: BinaryIO) -> bytes:
    """What follows the line that the stream is within, of what had to be read to see its end."""
    while data := stream.read(_READ_BYTES):
        line, newline, rest = data.partition(b"\n")
        del line
        if newline:
            return rest
    return b""


def in_order(
    work: Callable[[Task], Result], tasks: Iterable[Task], *, workers: int
) -> Iterator[Result]:
    """`work` of each task, in their order, in so many processes; with one, in this one.

    At most one task more than there are workers waits, so that memory stays bounded. The first
    error ends it; what is running then is awaited.
    """
    if workers == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")  # a fork would take locks and buffers along
    waiting: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(work, task))
                del task
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise OSError(
                "a worker was killed, most likely for want of memory; what is done is kept: run "
                "again with fewer workers (jobs.workers) or more memory"
            ) from error
        finally:
            for future in waiting:
                future.cancel()
