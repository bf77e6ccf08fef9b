"""`read_bytes`: what it may return, and what its chunks may be."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Callable

from . import wire
from .faults import Fault, Reporter, shown
from .items import metadata
from .outbox import Outbox

# How much is asked for at a time from an object with `read()`.
READ_BYTES = 1 << 20
# A long `str` is encoded in slices, so that it and its bytes are never in memory together.
SLICE_CHARS = 1 << 20
_NO_CHUNKS: tuple[type, ...] = (dict, int, float)
_CHUNK: tuple[type, ...] = (str, bytes, bytearray, memoryview)
# Context, metadata, where it goes.
Read = Callable[[Any, Any, "Sink"], None]


def read_fragment(
    *,
    index: int,
    item: Sequence[str],
    read: Read,
    context: Any,
    outbox: Outbox,
    reporter: Reporter,
    limit: int,
    checksum: bool,
    end_lines: Callable[[], None],
) -> bool:
    """Reads one fragment; true when it ended well. Its trailer, with the error or without, is in the outbox then."""
    outbox.fragment(index)
    sink = Sink(outbox, limit, checksum)
    start_us = time.time_ns() // 1000
    clock = time.perf_counter_ns()
    error = b""
    try:
        name, fingerprint, extra = item
        read(context, metadata(name, fingerprint, extra, is_prefix=False), sink)
    except BaseException as raised:
        # `sys.exit`, KeyboardInterrupt, a bare StopIteration: whatever leaves the author's function by raising is a
        # failure, never the end of the data. Promise 1: nothing of this fragment counts.
        error = reporter.error(raised, code="parser.failed" if sink.parsing else "read.failed")
    duration_us = (time.perf_counter_ns() - clock) // 1000
    # Before the trailer: whoever has that may ask for what was printed.
    end_lines()
    trailer = wire.piece_trailer(
        index,
        size=sink.size,
        start_us=start_us,
        duration_us=duration_us,
        rows=sink.rows,
        crc32=sink.crc32 if checksum else None,
        error=error,
    )
    outbox.end_fragment(trailer, sink.size)
    return not error


class Sink:
    """Counts and checks bytes on their way to the outbox."""

    def __init__(self, outbox: Outbox, limit: int, checksum: bool) -> None:
        self._push = outbox.push
        self._alive = outbox.alive
        self._limit = limit
        self._checksum = checksum
        self.size = 0
        self.crc32 = 0
        # Of a connector that yields rows.
        self.rows = 0
        # True while the author's parser runs, and not `read_bytes` for it: whose failure is it?
        self.parsing = False
        self._source = 0

    def put(self, data: bytes | bytearray | memoryview) -> None:
        """The next bytes."""
        size = len(data)
        if not size:
            self._alive()
            return
        if self._limit and self.size + size > self._limit:
            raise Fault("fragment.limit", f"the fragment is larger than limits.fragment_bytes ({self._limit:,} bytes)")
        self.size += size
        if self._checksum:
            self.crc32 = zlib.crc32(data, self.crc32)
        self._push(data, size)

    def source(self, size: int) -> None:
        """So many bytes went to the author's parser: progress, though nothing has come of them yet."""
        self._alive()
        self._source += size
        if self._limit and self._source > self._limit:
            raise Fault("fragment.limit", f"the fragment is larger than limits.fragment_bytes ({self._limit:,} bytes)")

    def put_text(self, text: str) -> None:
        """The next characters, as strict UTF-8."""
        for at in range(0, len(text), SLICE_CHARS) if text else (0,):
            part = text[at : at + SLICE_CHARS] if len(text) > SLICE_CHARS else text
            try:
                self.put(part.encode())
            except UnicodeEncodeError as error:
                raise _no_unicode(part, error.start, at) from None


def pour(returned: Any, sink: Sink) -> None:
    """Takes the returned value apart; closes it, as a `for` loop over the author's generator would not."""
    if isinstance(returned, _CHUNK):
        _put(returned, sink)
        return
    try:
        put = sink.put
        for chunk in chunks(returned):
            if type(chunk) is bytes:
                put(chunk)
            else:
                _put(chunk, sink)
    finally:
        close = getattr(returned, "close", None)
        if callable(close):
            close()


def chunks(returned: Any) -> Iterator[Any]:
    # Before iteration: iterating over a binary file gives its lines.
    if callable(getattr(returned, "read", None)):
        return _read_all(returned)
    if returned is None:
        raise Fault(
            "read.bad_return",
            "`read_bytes` returned None (a forgotten `return` or `yield`?); return b'' for a fragment without rows",
        )
    if isinstance(returned, _NO_CHUNKS) or not hasattr(returned, "__iter__"):
        hint = (
            "; `async def` is not supported" if hasattr(returned, "__await__") or hasattr(returned, "__aiter__") else ""
        )
        raise Fault(
            "read.bad_return", f"`read_bytes` returned a {type(returned).__name__}, not chunks of bytes or str{hint}"
        )
    return iter(returned)


def _read_all(file: Any) -> Iterator[Any]:
    while True:
        chunk = file.read(READ_BYTES)
        if isinstance(chunk, _CHUNK) and not len(chunk):
            return
        yield chunk


def _put(chunk: Any, sink: Sink) -> None:
    if isinstance(chunk, str):
        sink.put_text(chunk)
    elif isinstance(chunk, (bytes, bytearray)):
        sink.put(chunk)
    else:
        sink.put(_flat(chunk))


def _flat(chunk: Any) -> memoryview | bytes:
    if not isinstance(chunk, memoryview):
        kind: str = type(chunk).__name__
        raise Fault("read.bad_chunk", f"`read_bytes` yielded a {kind}, not bytes or str: {shown(chunk)}")
    flat = chunk.c_contiguous and chunk.nbytes > 0
    return chunk.cast("B") if flat else chunk.tobytes()


def to_bytes(given: Iterator[Any], sink: Sink) -> Iterator[bytes]:
    """The same chunks for the author's parser, all of them bytes."""
    for chunk in given:
        if isinstance(chunk, str):
            try:
                data = chunk.encode()
            except UnicodeEncodeError as error:
                raise _no_unicode(chunk, error.start) from None
        else:
            data = bytes(chunk if isinstance(chunk, (bytes, bytearray)) else _flat(chunk))
        sink.source(len(data))
        yield data


def _no_unicode(text: str, at: int, before: int = 0) -> Fault:
    where = f"{text[at]!r} at character {at + before:,}"
    return Fault("read.bad_chunk", f"a chunk of text is not valid Unicode: {where} is a lone surrogate")
