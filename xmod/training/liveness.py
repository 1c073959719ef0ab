"""When one of the processes that train together dies, all end within seconds and say which.

A collective waits for whoever does not come, for as long as its timeout: by default half an hour.
So every rank keeps a connection open to rank 0. The operating system closes it when the process
ends, however it ends, and TCP's keep-alive finds machines that are gone. No thread has to find the
time for a heartbeat, so a rank that is busy is never taken for dead. A rank that hangs is left to
the timeout.
"""

from __future__ import annotations

import os
import secrets
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 15.0
"""How long a failed collective waits for the word of who died."""
_CONNECT_SECONDS = 60.0
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""A machine that is silent for a minute is gone; for seconds, its network may only have hiccuped.
The end of a process is no silence: its system says so at once."""
_BYE, _FAILED, _END = "bye", "failed", "end"
_ADVICE = "all ranks end; run again to go on from the last checkpoint"


class Watch:
    """Each rank's side of it: rank 0 has a connection to every other."""

    def __init__(self, rank: int, num_ranks: int, address: str, *, local_rank: int) -> None:
        self._rank, self._num_ranks, self._address = rank, num_ranks, address
        self._is_first_here = local_rank == 0
        self._links: dict[int, _Link] = {}
        """Rank -> connection; at rank 0 those of all others, else that of rank 0."""
        self._is_leaving = threading.Event()

    def start(self, broadcast: Callable[[Any], Any]) -> None:
        """Connect; `broadcast(value)` gives every rank what rank 0 has."""
        if self._num_ranks == 1:
            return
        if self._rank == 0:
            with socket.create_server(("", 0), backlog=self._num_ranks) as server:
                secret = secrets.token_hex(16)
                broadcast((server.getsockname()[1], secret, _who(0)))
                self._accept(server, secret)
        else:
            port, secret, first = broadcast(None)
            stream = socket.create_connection((self._address, port), timeout=_CONNECT_SECONDS)
            self._links[0] = _Link(stream, first)
            self._links[0].say(f"{secret} {self._rank} {_who(self._rank)}")
        threading.Thread(target=self._listen, name="liveness", daemon=True).start()

    def leave(self, failure: str | None = None) -> None:
        """Say goodbye, so that going is not taken for dying; or say what went wrong here."""
        self._is_leaving.set()
        word = _BYE if failure is None else f"{_FAILED} {' '.join(failure.split())}"
        if failure is not None and self._rank == 0:
            word = f"{_END} {_who(0)} failed ({' '.join(failure.split())}); {_ADVICE}"
        for link in self._links.values():
            link.say(word)

    def wait_for_the_cause(self) -> None:
        """Wait for the word of who died, with which this process ends; return if none comes."""
        if self._num_ranks > 1:
            time.sleep(PATIENCE_SECONDS)

    def _accept(self, server: socket.socket, secret: str) -> None:
        end = time.monotonic() + _CONNECT_SECONDS
        while len(self._links) < self._num_ranks - 1:
            server.settimeout(max(end - time.monotonic(), 0.01))
            try:
                stream, _ = server.accept()
            except TimeoutError:
                missing = sorted(set(range(1, self._num_ranks)) - set(self._links))
                raise RuntimeError(f"ranks {missing} did not connect to rank 0") from None
            link = _Link(stream, "")
            stream.settimeout(5.0)
            word, _, rest = (link.hear() or [""])[0].partition(" ")
            if not secrets.compare_digest(word, secret):
                stream.close()  # somebody else's
                continue
            rank, _, link.who = rest.partition(" ")
            self._links[int(rank)] = link

    def _listen(self) -> None:
        """The thread: until every other has said goodbye."""
        with selectors.DefaultSelector() as selector:
            for link in self._links.values():
                link.stream.settimeout(None)
                selector.register(link.stream, selectors.EVENT_READ, link)
            while selector.get_map():
                for key, _ in selector.select():
                    link = key.data
                    lines = link.hear()  # it comes as a whole: waiting for the rest is short
                    selector.unregister(link.stream)
                    self._take(link, lines[0] if lines else "")

    def _take(self, link: _Link, line: str) -> None:
        """The one thing that another says, or nothing when it is gone."""
        word, _, rest = line.partition(" ")
        if word == _BYE or self._is_leaving.is_set():
            return
        if word == _END:  # which rank 0 has printed: it is enough once on each further machine
            self._end(rest, is_said=not self._is_first_here)
        happened = f"failed ({rest})" if word == _FAILED else "died"
        is_said = self._rank > 1 and not self._is_first_here
        self._end(f"{link.who} {happened}; {_ADVICE}", is_said=is_said)

    def _end(self, message: str, *, is_said: bool) -> None:
        """Tell the others, and end this process, whatever it waits for."""
        for link in self._links.values() if self._rank == 0 else ():
            link.say(f"{_END} {message}")
        if not is_said:
            print(f"error: {message}", file=sys.stderr, flush=True)
        os._exit(1)


class _Link:
    """A connection on which lines are said and heard."""

    def __init__(self, stream: socket.socket, who: str) -> None:
        self.stream, self.who = stream, who
        self._heard = b""
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE.items():
            if hasattr(socket, option):  # not every system has these
                stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def say(self, line: str) -> None:
        try:
            self.stream.sendall(f"{line}\n".encode())
        except OSError:
            return  # gone; the listener of either side finds out

    def hear(self) -> list[str]:
        """The lines that came, once there is a whole one; none when the other is gone."""
        while b"\n" not in self._heard:
            try:
                more = self.stream.recv(4096)
            except OSError:
                more = b""
            if not more:
                return []
            self._heard += more
        *lines, self._heard = self._heard.split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def _who(rank: int) -> str:
    return f"rank {rank} (process {os.getpid()} on {socket.gethostname()})"
