"""The bytes between reader and supervisor, and the messages of executor.proto encoded by hand.

A frame is a u32 little-endian length of its payload, a u8 type, the payload. The payload of DATA is an encoded
`ReadFragmentsResponse` or `ListObjectsResponse` that the supervisor passes to gRPC untouched: decoding and encoding it
again would cost 0.4 CPU-seconds per GiB (measured), and the reader cannot import protobuf.
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("<IB")
# A message is about 1 MiB and at most 2 MiB: three of them fit the receiver's window.
MAX_PAYLOAD = 2 << 20
# Room that an item or a trailer may take after the wanted size was reached.
SLACK = 128 << 10
MESSAGE_BYTES = 1 << 20

# From the supervisor. START is the only way that credentials travel: no argv, no environment, no file.
START, LIST, READ = 1, 2, 3
# From the reader. READY: the connector is loaded and its context made. FAIL: it was not; or the call ended early.
READY, DONE, FAIL, DATA = 4, 5, 6, 7
# From the reader, just before the DATA it describes: which fragments that message ends.
TALLY = 8
# From the reader: the author yielded, but nothing worth a message yet. Resets the stall clock.
ALIVE = 9

# From the supervisor, first of all: how the reader shuts itself in. From the reader: what of it could not be done, one
# reason a line.
SANDBOX, CONFINED = 10, 11

# Fragments ended so far in this call, the sum of their bytes, bytes sent of the one at work.
TALLY_FIELDS = struct.Struct("<IQQ")
# The index of the fragment at work, in shared memory: a frame each cost 2.3 CPU-seconds per 100,000 (measured).
INDEX = struct.Struct("<I")
NO_FRAGMENT = 0xFFFFFFFF

# Before a printed line that belongs to another fragment than the line before: MARK, call number, dot, index, newline.
MARK = b"\x1e\x00rowcast:"


def varint(n: int) -> bytes:
    """An unsigned LEB128 number, as protobuf writes it."""
    if n < 128:
        return bytes((n,))
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _number(field: int, n: int) -> bytes:
    return varint(field << 3) + varint(n) if n else b""


def _bytes(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data if data else b""


def _message(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def user_error(
    *, code: str, message: str, type: str = "", traceback: str = "", retryable: bool = False, retry_after_ms: int = 0
) -> bytes:
    """A `UserError`."""

    def text(field: int, value: str) -> bytes:
        return _bytes(field, value.encode("utf-8", "replace"))

    return (
        text(1, code)
        + text(2, message)
        + text(3, type)
        + text(4, traceback)
        + _number(5, int(retryable))
        + _number(6, retry_after_ms)
    )


def piece_header(fragment: int, size: int) -> bytes:
    """The head of a `Piece` in a `ReadFragmentsResponse`; `size` bytes of data follow it, uncopied."""
    inner = (b"\x08" + varint(fragment) if fragment else b"") + b"\x12" + varint(size)
    return b"\x0a" + varint(len(inner) + size) + inner


def piece_trailer(
    fragment: int,
    *,
    size: int,
    start_us: int,
    duration_us: int,
    rows: int = 0,
    crc32: int | None = None,
    error: bytes = b"",
) -> bytes:
    """A `Piece` with a `FragmentTrailer`."""
    trailer = (
        _number(1, size)
        + _number(2, rows)
        + (b"\x1d" + struct.pack("<I", crc32) if crc32 else b"")
        + b"\x21"
        + struct.pack("<Q", start_us)
        + _number(5, duration_us)
        + (_message(6, error) if error else b"")
    )
    return _message(1, _number(1, fragment) + _message(3, trailer))


def read_trailer(*, fragments: int, size: int, error: bytes = b"") -> bytes:
    """A `ReadFragmentsResponse` that is only a `ReadTrailer`."""
    return _message(2, _number(1, fragments) + _number(2, size) + (_message(3, error) if error else b""))


_LENGTHS = [varint(n) for n in range(4096)]


def list_item(name: bytes, fingerprint: bytes, extra: bytes, *, is_prefix: bool, depth: int) -> bytes:
    """An `Item` of a `ListObjectsResponse`. The listing's hot path: short lengths come from a table."""
    item = b"\x0a" + _LENGTHS[len(name)] + name
    if fingerprint:
        item += b"\x12" + _LENGTHS[len(fingerprint)] + fingerprint
    if extra:
        item += b"\x1a" + varint(len(extra)) + extra
    if is_prefix:
        item += b"\x28\x01"
    if depth:
        item += b"\x30" + _LENGTHS[depth]
    size = len(item)
    return b"\x0a" + (_LENGTHS[size] if size < 4096 else varint(size)) + item


def list_trailer(
    *, complete: bool, fragments: int, prefixes: int, calls: int, error: bytes = b"", warnings: list[str] | None = None
) -> bytes:
    """A `ListObjectsResponse` that is only a `ListTrailer`."""
    trailer = _number(1, int(complete)) + _number(2, fragments) + _number(3, prefixes) + _number(4, calls)
    if error:
        trailer += _message(5, error)
    for warning in warnings or ():
        trailer += _message(6, warning.encode("utf-8", "replace"))
    return _message(2, trailer)
