"""What the author's code printed: from the reader's pipes, line by line, to the queue that `Attach` empties."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from rowcast._child import wire
from rowcast._child.redact import Redactor

LINE_BYTES = 16 << 10
FRAGMENT_BYTES = 1 << 20
QUEUE_LINES = 1000
# A flood of prints is read no faster: it slows its author, not us.
BYTES_PER_SECOND = 6_000_000
_READ = 64 << 10
_STACK_LINES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One printed line."""

    time_us: int
    stream: str
    text: str
    fragment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Lines in order, how many were dropped before them, and the last flush that they answer (0: none)."""

    lines: list[Line]
    dropped: int
    flushed: int


class LogQueue:
    """At most 1,000 lines; the oldest make room and are counted (promise 5: a log never fills the memory)."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque()
        self._dropped = 0
        # Lines put in, and given away or dropped, ever.
        self._in = self._out = 0
        # What a flush waits for: so many given away; and its number, 0 without one.
        self._goal = self._flush = 0
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, line: Line) -> None:
        """Adds a line."""
        if len(self._lines) >= QUEUE_LINES:
            self._lines.popleft()
            self._dropped += 1
            self._out += 1
        self._lines.append(line)
        self._in += 1
        self._wake.set()

    def flush(self, number: int) -> None:
        """Asks `take` to say when every line that is in here now was given. A later number answers earlier ones."""
        self._goal, self._flush = self._in, number
        self._wake.set()

    def close(self) -> None:
        """No more lines will come."""
        self._closed = True
        self._wake.set()

    async def take(self, *, max_bytes: int) -> Taken | None:
        """Waits for lines, or for a flush to answer. None: closed and empty."""
        while not self._lines and not self._flush:
            if self._closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        taken: list[Line] = []
        size = 0
        while self._lines and size < max_bytes:
            line = self._lines.popleft()
            size += len(line.text) + len(line.fragment) + 64
            taken.append(line)
        self._out += len(taken)
        dropped, self._dropped = self._dropped, 0
        flushed = 0
        if self._out >= self._goal:
            flushed, self._flush = self._flush, 0
        return Taken(lines=taken, dropped=dropped, flushed=flushed)


class LogPipe:
    """Reads one stream of one reader until its writers are gone."""

    def __init__(
        self, fd: int, *, stream: str, queue: LogQueue, credentials: str, fragment_name: Callable[[bytes], str]
    ) -> None:
        self._fd = fd
        self._stream = stream
        self._queue = queue
        self._redact = Redactor(credentials)
        self._fragment_name = fragment_name
        # A line is cut only after secrets are out of it; one that straddles the cut must be seen whole.
        self._keep = LINE_BYTES + self._redact.longest * 4
        self._buffer = b""
        self._fragment = ""
        self._left = FRAGMENT_BYTES
        self._suppressed = 0
        self._stack: deque[str] = deque(maxlen=_STACK_LINES)
        self._done = False
        self._timer: asyncio.TimerHandle | None = None
        os.set_blocking(fd, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._readable)

    def stack(self) -> str:
        """The stack that faulthandler wrote when the process died, the author's frames only."""
        lines = list(self._stack)
        starts = [at for at, line in enumerate(lines) if line.startswith(("Fatal Python error", "Current thread"))]
        own = f"{os.sep}_child{os.sep}"
        return "\n".join(line for line in lines[starts[0] :] if own not in line) if starts else ""

    def catch_up(self) -> None:
        """Reads what has been printed so far, and no more than a pipe holds: its writer may go on."""
        # A pipe holds 64 KiB, by its operator's choice up to 1 MiB.
        for _ in range(16):
            if self._done or not self._read():
                break

    def writer_gone(self) -> None:
        """The process is dead: what the pipe still holds is all that will be read, whoever else holds its end open."""
        self.catch_up()
        if not self._done:
            self._finish()

    def _readable(self) -> None:
        count = self._read()
        if count == _READ and not self._done:
            self._loop.remove_reader(self._fd)
            self._timer = self._loop.call_later(count / BYTES_PER_SECOND, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._loop.add_reader(self._fd, self._readable)

    def _read(self) -> int:
        try:
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self._finish()
        return len(data)

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        if self._buffer:
            self._line(self._buffer)
            self._buffer = b""
        self._tell_suppressed()
        self._done = True

    def _take(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._buffer) > self._keep:
            self._buffer = self._buffer[: self._keep]

    def _line(self, line: bytes) -> None:
        text, mark, index = line.partition(wire.MARK)
        if not mark:
            self._put(line)
            return
        if text:
            self._put(text)
        self._tell_suppressed()
        self._left = FRAGMENT_BYTES
        self._fragment = self._fragment_name(index)

    def _put(self, line: bytes) -> None:
        text = self._redact.cut(line[: self._keep].decode("utf-8", "replace").rstrip("\r"), LINE_BYTES)
        if self._stream == "stderr":
            self._stack.append(text[:500])
        self._left -= len(line) + 1
        if self._left < 0:
            self._suppressed += 1
            return
        self._emit(text)

    def _tell_suppressed(self) -> None:
        if self._suppressed:
            count, self._suppressed = self._suppressed, 0
            self._emit(f"… {count:,} more lines, over {FRAGMENT_BYTES >> 20} MiB of this fragment, were left out")

    def _emit(self, text: str) -> None:
        line = Line(time_us=time.time_ns() // 1000, stream=self._stream, text=text, fragment=self._fragment)
        self._queue.put(line)
