"""Gathers what the author yields into messages of about 1 MiB.

A message of its own for each small fragment costs the supervisor 1.5 ms (measured); 500 in one cost as much as one.
So bytes wait here until the wanted size, the end of the call, or 200 ms, whichever is first.
"""

from __future__ import annotations

import threading
import time

from . import wire
from .link import TICK_SECONDS, Buffer, Link

# How often an author who yields nothing worth a message is reported alive.
ALIVE_SECONDS = 1.0


class Outbox:
    """What is encoded and not yet sent. Two threads use it: the author's, and the link's, which sends after 200 ms.

    When a message brings the first bytes of a fragment, the fragment's trailer is sent as soon as it has ended. So a
    reader that dies takes with it only whole fragments, which a fresh reader can read again, and the one at work, which
    has failed.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._target = wire.MESSAGE_BYTES
        self._parts: list[Buffer] = []
        self._size = 0
        self._items = 0
        self._first = 0.0
        self._progress = False
        self._last_alive = 0.0
        # The fragment at work: chunks that wait, their bytes, bytes of it that earlier messages brought.
        self._fragment = 0
        self._run: list[Buffer] = []
        self._run_size = 0
        self._sent = 0
        # Fragments that ended, and their bytes: the TALLY of the next message.
        self._ended = 0
        self._ended_bytes = 0
        self._reading = False

    def begin(self, *, reading: bool, message_bytes: int = 0) -> None:
        """A call starts."""
        with self._lock:
            self._target = min(message_bytes or wire.MESSAGE_BYTES, wire.MAX_PAYLOAD - wire.SLACK)
            self._ended = self._ended_bytes = self._sent = 0
            self._reading = reading
            self._progress = False
            self._last_alive = time.monotonic()

    def fragment(self, index: int) -> None:
        """The next chunks belong to this fragment."""
        self._fragment = index
        self._sent = 0

    def push(self, chunk: bytes | bytearray | memoryview, size: int) -> None:
        """Takes the next bytes of the fragment at work; sends what is full. A chunk that may still change is copied."""
        self._progress = True
        with self._lock:
            room = self._target - self._size - self._run_size
            if size < room:
                if not self._run_size and not self._size:
                    self._first = time.monotonic()
                self._run.append(chunk if type(chunk) is bytes else bytes(chunk))
                self._run_size += size
                return
            view = memoryview(chunk)
            at = 0
            while size - at >= room:
                self._run.append(view[at : at + room])
                self._run_size += room
                at += room
                self._flush()
                room = self._target
            if at < size:
                self._first = time.monotonic()
                # Copied: a view of the rest would hold the whole chunk in memory.
                self._run.append(bytes(view[at:]))
                self._run_size = size - at

    def alive(self) -> None:
        """The author yielded something that is nothing on the wire."""
        self._progress = True

    def end_fragment(self, trailer: bytes, size: int) -> None:
        """The fragment at work ended, well or not; `size` is what it yielded in all."""
        with self._lock:
            spans = self._sent > 0
            self._close_run()
            self._add(trailer)
            self._ended += 1
            self._ended_bytes += size
            self._sent = 0
            if spans or self._size >= self._target:
                self._flush()

    def item(self, encoded: bytes) -> None:
        """A listed item. At most 1,000 go in a page."""
        with self._lock:
            self._add(encoded)
            self._items += 1
            if self._items >= 1000 or self._size >= self._target:
                self._flush()

    def flush(self) -> None:
        """Sends what waits."""
        with self._lock:
            self._flush()

    def tick(self) -> None:
        """Called five times a second by the link's thread."""
        with self._lock:
            now = time.monotonic()
            if (self._size or self._run_size) and now - self._first >= TICK_SECONDS:
                self._flush()
            elif self._progress and now - self._last_alive >= ALIVE_SECONDS:
                self._last_alive = now
                self._progress = False
                self._link.send(wire.ALIVE)

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Sends what waits, then a frame."""
        with self._lock:
            self._flush()
            self._link.send(kind, [payload] if payload else [])

    def _add(self, encoded: bytes) -> None:
        if not self._size and not self._run_size:
            self._first = time.monotonic()
        self._parts.append(encoded)
        self._size += len(encoded)

    def _close_run(self) -> None:
        if not self._run_size:
            return
        header = wire.piece_header(self._fragment, self._run_size)
        self._parts.append(header)
        if len(self._run) > 8:
            self._parts.append(b"".join(self._run))
        else:
            self._parts += self._run
        self._size += self._run_size + len(header)
        self._sent += self._run_size
        self._run = []
        self._run_size = 0

    def _flush(self) -> None:
        self._close_run()
        if not self._parts:
            return
        before = b""
        if self._reading:
            tally = wire.TALLY_FIELDS.pack(self._ended, self._ended_bytes, self._sent)
            before = wire.HEADER.pack(len(tally), wire.TALLY) + tally
        parts = self._parts
        self._parts = []
        self._size = self._items = 0
        self._progress = False
        self._last_alive = time.monotonic()
        self._link.send(wire.DATA, parts if len(parts) < 512 else [b"".join(parts)], before=before)
