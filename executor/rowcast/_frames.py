"""Receives frames from a reader's socket, on the event loop."""

from __future__ import annotations

import asyncio
import socket

from rowcast._child import wire

_BUFFER = 64 << 10
_SMALL = frozenset({wire.READY, wire.TALLY, wire.ALIVE})
_KNOWN = frozenset({wire.READY, wire.DONE, wire.FAIL, wire.DATA, wire.TALLY, wire.ALIVE, wire.CONFINED})


class Corrupt(Exception):
    """What came is no frame: the author's code wrote to the socket."""


class Frames:
    """Small frames come from one buffered receive, a large payload goes straight into its own memory."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    async def next(self) -> tuple[int, bytes]:
        """Type and payload of the next frame; EOFError when there is none, Corrupt when it cannot be one."""
        while self._end - self._start < wire.HEADER.size:
            if self._start:
                kept = self._buffer[self._start : self._end]
                self._buffer[: len(kept)] = kept
                self._start, self._end = 0, len(kept)
            self._end += await self._receive(self._view[self._end :])
        size, kind = wire.HEADER.unpack_from(self._buffer, self._start)
        self._start += wire.HEADER.size
        if kind not in _KNOWN or size > (64 if kind in _SMALL else wire.MAX_PAYLOAD):
            raise Corrupt(f"type {kind}, {size} bytes")
        if size <= self._end - self._start:
            payload = bytes(self._view[self._start : self._start + size])
            self._start += size
            return kind, payload
        # Received in full before it is handed on: what is passed to gRPC is one message or none.
        payload = bytearray(size)
        view = memoryview(payload)
        have = self._end - self._start
        view[:have] = self._view[self._start : self._end]
        self._start = self._end = 0
        while have < size:
            have += await self._receive(view[have:])
        return kind, bytes(payload)

    async def _receive(self, into: memoryview) -> int:
        try:
            count = await self._loop.sock_recv_into(self._socket, into)
        except OSError as error:
            raise EOFError from error
        if not count:
            raise EOFError
        return count
