"""`sys.stdout` and `sys.stderr` of the author: a printed line is a log record of the fragment at work, never data."""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import sys
import threading
from typing import Any, Callable

from . import wire


class Index:
    """The index of the fragment at work, in memory shared with the supervisor."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, mmap.PAGESIZE)
        os.close(fd)
        self._call = 0
        self.mark = b""

    def call(self) -> None:
        """The next call begins."""
        self._call += 1
        self.set(wire.NO_FRAGMENT)

    def set(self, index: int) -> None:
        """The next fragment begins."""
        wire.INDEX.pack_into(self._memory, 0, index)
        # What goes ahead of its first printed line.
        self.mark = wire.MARK + b"%d.%d\n" % (self._call, index)


class _Marked(io.RawIOBase):
    """Writes to a descriptor; a mark goes ahead of the first text of another fragment than the one before.

    Lines of the author's subprocesses and C code come without a mark and belong to the last one that had it.
    """

    def __init__(self, fd: int, index: Index) -> None:
        super().__init__()
        self._fd = fd
        self._index = index
        self._marked = b""
        self._open = False
        self._lock = threading.Lock()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: Any) -> int:
        with self._lock:
            left = memoryview(data).cast("B")
            size = len(left)
            if self._index.mark != self._marked:
                self._marked = self._index.mark
                # In one write with the text's head, so that no other process' line comes between.
                left = memoryview(self._marked + bytes(left))
            if size:
                self._open = left[-1] != 10
            while left:
                left = left[os.write(self._fd, left) :]
            return size

    def end_line(self) -> None:
        """A line that was begun is over: what comes next belongs to another fragment."""
        with self._lock:
            if self._open:
                self._open = False
                # Its author may have closed it.
                with contextlib.suppress(OSError):
                    os.write(self._fd, b"\n")


def capture(index: Index) -> Callable[[], None]:
    """Puts both streams in place, before the author's module is imported. Gives what ends the lines that are open."""
    marked = {name: _Marked(fd, index) for name, fd in (("stdout", 1), ("stderr", 2))}
    for name, raw in marked.items():
        # Written through: what was printed before a crash is known after it.
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)  # type: ignore[type-var]
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)

    def end_lines() -> None:
        for raw in marked.values():
            raw.end_line()

    return end_lines
