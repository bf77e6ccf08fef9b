"""Frames over the socket, and noticing that the supervisor hung up."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Callable, Union

from . import wire

Buffer = Union[bytes, memoryview]
# The kernel takes at most 1,024 parts in one sendmsg (IOV_MAX).
MAX_PARTS = 1000
TICK_SECONDS = 0.2
# Between the hang-up and the end, for the author's `finally` blocks.
GRACE_SECONDS = 2.0


class HungUp(BaseException):
    """The supervisor is gone, or this socket is: nobody is left to report to."""


class Link:
    """The reader's end of the socketpair. One thread reads; sends are guarded by the outbox's lock."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self._socket = socket.socket(fileno=fd)
        self._busy = threading.Event()
        self.hung_up = False

    def watch(self, tick: Callable[[], None]) -> None:
        """Starts the daemon thread that calls `tick` five times a second during a call and watches for the hang-up."""
        # Whoever started the executor may have had SIGINT ignored, and that is inherited.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=self._watch, args=(tick,), name="rowcast", daemon=True).start()

    def _watch(self, tick: Callable[[], None]) -> None:
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLHUP | getattr(select, "POLLRDHUP", 0))
        while True:
            self._busy.wait()
            if poll.poll(TICK_SECONDS * 1000):
                if self._busy.is_set():
                    break
                continue
            try:
                tick()
            except OSError:
                break
        self.hung_up = True
        # Interrupts the author's code wherever it is, as Ctrl-C would, so that its `finally` blocks run. A real signal:
        # `_thread.interrupt_main` does not wake a sleeping system call.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        _die_late()

    def busy(self, yes: bool) -> None:
        """Between calls the main thread itself sees the hang-up, and the daemon thread sleeps."""
        if yes:
            self._busy.set()
        else:
            self._busy.clear()

    def check(self) -> None:
        """HungUp when the author closed our descriptor: asked after each fragment, so that the right one is blamed."""
        try:
            os.fstat(self._socket.fileno())
        except OSError as error:
            raise HungUp from error

    def receive(self) -> tuple[int, bytes]:
        """The next frame; HungUp at end-of-file."""
        size, kind = wire.HEADER.unpack(self._exact(wire.HEADER.size))
        return kind, self._exact(size)

    def _exact(self, size: int) -> bytes:
        out = bytearray()
        while len(out) < size:
            try:
                part = self._socket.recv(min(size - len(out), 1 << 20), socket.MSG_WAITALL)
            except OSError as error:
                raise HungUp from error
            if not part:
                raise HungUp
            out += part
        return bytes(out)

    def send(self, kind: int, parts: Sequence[Buffer] = (), *, before: bytes = b"") -> None:
        """Sends one frame, uncopied; `before` is a whole frame to go ahead of it in the same call."""
        size = sum(map(len, parts))
        rest: list[Buffer] = [before + wire.HEADER.pack(size, kind), *parts]
        left = len(rest[0]) + size
        at = 0
        while left:
            try:
                sent = self._socket.sendmsg(rest[at : at + MAX_PARTS])
            except OSError as error:
                raise HungUp from error
            left -= sent
            while sent and sent >= len(rest[at]):
                sent -= len(rest[at])
                at += 1
            if sent:
                rest[at] = memoryview(rest[at])[sent:]


def leave() -> None:
    """Ends this process after a hang-up: `finally` and `atexit` run; threads of the author cannot hold it."""
    threading.Thread(target=_die_late, daemon=True).start()
    sys.exit(0)


def _die_late() -> None:
    time.sleep(GRACE_SECONDS)
    # The supervisor does this too; it may be dead itself.
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
