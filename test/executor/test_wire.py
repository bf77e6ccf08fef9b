"""The protobuf that the reader writes by hand, against the real one."""

from __future__ import annotations

import pytest

from rowcast._child import wire
from rowcast.v1 import executor_pb2 as pb

# Where a varint grows by a byte, and around it.
BOUNDARIES = [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456, 2**32 - 1]


@pytest.mark.parametrize("fragment", [0, 1, 127, 128, 499])
@pytest.mark.parametrize(
    "size", [1, 2, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 16_376, 16_383, 16_384, 2_097_152]
)
def test_a_piece_is_what_protobuf_reads(fragment: int, size: int) -> None:
    data = b"\xff" * size
    message = pb.ReadFragmentsResponse.FromString(wire.piece_header(fragment, size) + data)
    assert message == pb.ReadFragmentsResponse(pieces=[pb.Piece(fragment=fragment, data=data)])


@pytest.mark.parametrize("number", [*BOUNDARIES, 2**63, 2**64 - 1])
def test_a_fragment_trailer_is_what_protobuf_writes(number: int) -> None:
    error = pb.UserError(
        code="read.failed",
        message="m" * min(number, 5000),
        type="ValueError",
        traceback="t" * min(number, 200),
        retryable=number % 2 == 1,
        retry_after_ms=min(number, 2**32 - 1),
    )
    by_hand = wire.user_error(
        code=error.code,
        message=error.message,
        type=error.type,
        traceback=error.traceback,
        retryable=error.retryable,
        retry_after_ms=error.retry_after_ms,
    )
    assert pb.UserError.FromString(by_hand) == error
    encoded = wire.piece_trailer(
        3, size=number, start_us=number, duration_us=number, crc32=number % 2**32, error=by_hand
    )
    trailer = pb.FragmentTrailer(
        bytes=number, crc32=number % 2**32, start_unix_us=number, duration_us=number, error=error
    )
    expected = pb.ReadFragmentsResponse(pieces=[pb.Piece(fragment=3, trailer=trailer)])
    assert pb.ReadFragmentsResponse.FromString(encoded) == expected


@pytest.mark.parametrize("number", BOUNDARIES)
def test_the_last_messages_are_what_protobuf_writes(number: int) -> None:
    error = wire.user_error(code="list.failed", message="no")
    read = pb.ReadTrailer(fragments=number, bytes=number, error=pb.UserError(code="list.failed", message="no"))
    encoded = wire.read_trailer(fragments=number, size=number, error=error)
    assert pb.ReadFragmentsResponse.FromString(encoded) == pb.ReadFragmentsResponse(trailer=read)
    listed = pb.ListTrailer(complete=True, fragments=number, prefixes=number, calls=number, warnings=["a", "b"])
    encoded = wire.list_trailer(complete=True, fragments=number, prefixes=number, calls=number, warnings=["a", "b"])
    assert pb.ListObjectsResponse.FromString(encoded) == pb.ListObjectsResponse(trailer=listed)


@pytest.mark.parametrize("size", [1, 127, 128, 2048])
@pytest.mark.parametrize("extra", [0, 127, 128, 16_384, 65_536])
@pytest.mark.parametrize("depth", [0, 1, 64])
def test_an_item_is_what_protobuf_writes(size: int, extra: int, depth: int) -> None:
    item = pb.Item(
        name="n" * size, fingerprint="f" * min(size, 1024), extra_json=b"e" * extra, is_prefix=size > 1, depth=depth
    )
    encoded = wire.list_item(
        item.name.encode(), item.fingerprint.encode(), item.extra_json, is_prefix=item.is_prefix, depth=depth
    )
    assert pb.ListObjectsResponse.FromString(encoded) == pb.ListObjectsResponse(items=[item])
