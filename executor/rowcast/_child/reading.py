"""`read_bytes`: what it may return, and what its chunks may be."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
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


def read_fragment(
    *,
    index: int,
    item: tuple[str, str, str],
    read_bytes: Callable[[Any, Any], Any],
    context: Any,
    outbox: Outbox,
    reporter: Reporter,
    limit: int,
    checksum: bool,
) -> bool:
    """Reads one fragment; true when it ended well. Its trailer, with the error or without, is in the outbox then."""
    outbox.fragment(index)
    sink = _Sink(outbox, limit, checksum)
    start_us = time.time_ns() // 1000
    clock = time.perf_counter_ns()
    error = b""
    try:
        name, fingerprint, extra = item
        _pour(read_bytes(context, metadata(name, fingerprint, extra, is_prefix=False)), sink)
    except BaseException as raised:
        # `sys.exit`, KeyboardInterrupt, a bare StopIteration: whatever leaves the author's function by raising is a
        # failure, never the end of the data. Promise 1: nothing of this fragment counts.
        error = reporter.error(raised, code="read.failed")
    duration_us = (time.perf_counter_ns() - clock) // 1000
    trailer = wire.piece_trailer(
        index,
        size=sink.size,
        start_us=start_us,
        duration_us=duration_us,
        crc32=sink.crc32 if checksum else None,
        error=error,
    )
    outbox.end_fragment(trailer, sink.size)
    return not error


class _Sink:
    """Counts and checks bytes on their way to the outbox."""

    def __init__(self, outbox: Outbox, limit: int, checksum: bool) -> None:
        self._push = outbox.push
        self._alive = outbox.alive
        self._limit = limit
        self._checksum = checksum
        self.size = 0
        self.crc32 = 0

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

    def put_text(self, text: str) -> None:
        """The next characters, as strict UTF-8."""
        for at in range(0, len(text), SLICE_CHARS) if text else (0,):
            try:
                self.put((text[at : at + SLICE_CHARS] if len(text) > SLICE_CHARS else text).encode())
            except UnicodeEncodeError as error:
                where = f"{text[error.start + at]!r} at character {error.start + at:,}"
                raise Fault(
                    "read.bad_chunk", f"a chunk of text is not valid Unicode: {where} is a lone surrogate"
                ) from None


def _pour(returned: Any, sink: _Sink) -> None:
    """Takes the returned value apart; closes it, as a `for` loop over the author's generator would not."""
    if isinstance(returned, _CHUNK):
        _put(returned, sink)
        return
    try:
        put = sink.put
        for chunk in _chunks(returned):
            if type(chunk) is bytes:
                put(chunk)
            else:
                _put(chunk, sink)
    finally:
        close = getattr(returned, "close", None)
        if callable(close):
            close()


def _chunks(returned: Any) -> Iterator[Any]:
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


def _put(chunk: Any, sink: _Sink) -> None:
    if isinstance(chunk, str):
        sink.put_text(chunk)
    elif isinstance(chunk, (bytes, bytearray)):
        sink.put(chunk)
    elif isinstance(chunk, memoryview):
        flat = chunk.c_contiguous and chunk.nbytes > 0
        sink.put(chunk.cast("B") if flat else chunk.tobytes())
    else:
        raise Fault(
            "read.bad_chunk", f"`read_bytes` yielded a {type(chunk).__name__}, not bytes or str: {shown(chunk)}"
        )
