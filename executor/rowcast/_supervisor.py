"""One reader process, seen from outside: start it, talk to it, end it, say how it died. Knows no gRPC.

```
starting ──READY──▶ idle ◀──DONE── working          ended: by close() (end-of-file, 2 s, SIGKILL) or kill()
    └──────────────── FAIL, death, stall, garbage ──────▶
```
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from rowcast._child import wire
from rowcast._errors import AuthorFailure, author_failure
from rowcast._frames import Corrupt, Frames
from rowcast._logs import LogPipe, LogQueue
from rowcast._process import Host, ReaderProcess
from rowcast._spec import PACKAGE, ReaderSpec, base_python

# Between end-of-file and SIGKILL, for the author's `finally` blocks.
GRACE_SECONDS = 2.0


class Reader:
    """A reader process. `alive` until it has exited; nothing of it is left then, its descendants included."""

    def __init__(self, spec: ReaderSpec, *, host: Host, logs: LogQueue) -> None:
        self.spec = spec
        # Names of the fragments of the last calls: printed lines arrive later than data.
        self._names: dict[int, tuple[int, Sequence[str]]] = {}
        self._calls = 0
        self._receiving = self._over = False
        self._isolation = host.isolation
        self._process = ReaderProcess(spec, host, on_exit=self._on_exit)
        self._frames = Frames(self._process.socket)
        self._logs = [
            LogPipe(fd, stream=stream, queue=logs, credentials=spec.credentials, fragment_name=self._fragment_name)
            for fd, stream in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr"))
        ]

    @property
    def alive(self) -> bool:
        """False when nothing of it is left."""
        return self._process.alive

    async def confine(self) -> None:
        """Shuts it in, and reports how far that went. First of all; AuthorFailure when it died of it."""
        await self._send(wire.SANDBOX, self._process.sandbox)
        kind, payload = await self._next("context")
        if kind != wire.CONFINED:
            raise self._corrupt()
        self._isolation.report(payload.decode("utf-8", "replace").splitlines())

    async def start(self) -> bool:
        """Loads the connector and makes its context; AuthorFailure when it cannot. True: it yields rows, not bytes."""
        start: dict[str, object] = {
            "bundle": str(self.spec.bundle),
            "code": self.spec.code,
            "package": str(PACKAGE),
            "credentials": self.spec.credentials,
            "fragment_bytes": self.spec.fragment_bytes,
            "index_fd": self._process.index_fd,
            "check": self.spec.check,
            "parser": self.spec.parser,
        }
        phase = "connector.load_failed" if self.spec.check else "context"
        await self.confine()
        await self._send(wire.START, start)
        kind, payload = await self._next(phase)
        while kind == wire.ALIVE:
            kind, payload = await self._next(phase)
        if kind == wire.FAIL:
            raise AuthorFailure(payload)
        if kind != wire.READY:
            raise self._corrupt()
        return payload == b"rows"

    async def call(
        self, kind: int, request: dict[str, object], *, phase: str, base: int = 0, names: Sequence[str] = ()
    ) -> AsyncGenerator[tuple[int, bytes]]:
        """Makes one call, of the fragments `names`, the first of which has index `base`; gives its frames, the last of
        them DONE or FAIL. AuthorFailure when the reader died.

        Pull: a frame is received only when it is asked for, so a slow consumer slows the author (promise 5) and the
        stall clock, which runs inside that wait only, never counts against them.
        """
        self._calls += 1
        self._names[self._calls] = base, names
        self._names.pop(self._calls - 3, None)
        self._process.call_begins()
        await self._send(kind, request)
        while True:
            frame = await self._next(phase)
            if frame[0] == wire.READY:
                raise self._corrupt()
            if frame[0] != wire.ALIVE:
                yield frame
            if frame[0] in (wire.DONE, wire.FAIL):
                return

    def catch_up(self) -> None:
        """Puts into the log what it has printed so far."""
        for pipe in self._logs:
            pipe.catch_up()

    def fragment_at_work(self) -> int:
        """Index of the fragment the reader is or was at, `NO_FRAGMENT` for none. The author's code could forge it."""
        return self._process.fragment_at_work()

    def kill(self) -> None:
        """SIGKILL to the reader and its descendants; returns at once."""
        self._process.kill()

    async def close(self) -> None:
        """End-of-file, two seconds, SIGKILL. Comes back when nothing is left."""
        with contextlib.suppress(OSError):
            self._process.socket.shutdown(socket.SHUT_RDWR)
        try:
            await asyncio.wait_for(self._process.exited.wait(), GRACE_SECONDS)
        except TimeoutError:
            pass
        finally:
            self.kill()
        await self.gone()

    async def gone(self) -> None:
        """Waits until the process has exited and its last lines are in the log; nothing can be received then."""
        await self._process.exited.wait()
        self._over = True
        if not self._receiving:
            self._process.socket.close()

    async def _send(self, kind: int, message: dict[str, object]) -> None:
        payload = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
        # A dead reader shows at the next receive, which says why it died.
        with contextlib.suppress(OSError):
            async with asyncio.timeout(self.spec.stall_seconds):
                frame = wire.HEADER.pack(len(payload), kind) + payload
                await asyncio.get_running_loop().sock_sendall(self._process.socket, frame)

    async def _next(self, phase: str) -> tuple[int, bytes]:
        self._receiving = True
        try:
            async with asyncio.timeout(self.spec.stall_seconds):
                return await self._frames.next()
        except TimeoutError:
            await self._dump_and_kill()
            raise self._stall(phase) from None
        except Corrupt:
            raise self._corrupt() from None
        except EOFError:
            raise await self._death(phase) from None
        finally:
            self._receiving = False
            if self._over:
                self._process.socket.close()

    async def _dump_and_kill(self) -> None:
        self._process.abort()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.exited.wait(), 1.0)
        self.kill()
        await self.gone()

    def _stall(self, phase: str) -> AuthorFailure:
        code = {"read": "fragment.stalled", "list": "list.stalled"}.get(phase, "context.stalled")
        if phase == "connector.load_failed":
            code = phase
        what = {"read": "`read_bytes` yielded", "list": "`list_objects` yielded"}.get(
            phase, "loading the connector gave"
        )
        message = f"{what} nothing for {self.spec.stall_seconds:g} s (limits.stall); its process was killed"
        return author_failure(code, message, retryable=code != phase, traceback=self._stack())

    def _corrupt(self) -> AuthorFailure:
        self.kill()
        message = "the reader sent what is no frame: the connector's code wrote to a descriptor that is not its own"
        return author_failure("read.corrupt", message, retryable=True)

    async def _death(self, phase: str) -> AuthorFailure:
        try:
            await asyncio.wait_for(self._process.exited.wait(), GRACE_SECONDS)
        except TimeoutError:
            self.kill()
        await self.gone()
        if self._process.condemned is not None:
            code, message = self._process.condemned
            return author_failure(code, message, traceback=self._stack())
        doing = {"read": "in `read_bytes`", "list": "in `list_objects`"}.get(phase, "while loading or in `context`")
        status = self._process.status
        if status < 0:
            name = signal.Signals(-status).name if -status in signal.valid_signals() else f"signal {-status}"
            hint = "; out of memory?" if name == "SIGKILL" else ""
            code, message = "read.crashed", f"the connector's process was killed by {name} {doing}{hint}"
        else:
            code = "read.exited"
            message = f"the connector's process ended {doing} (exit status {status}); a read ends by returning"
        if phase == "connector.load_failed":
            code = phase
        return author_failure(code, message, retryable=code == "read.crashed", traceback=self._stack())

    def _fragment_name(self, mark: bytes) -> str:
        call, _, index = mark.partition(b".")
        try:
            base, names = self._names[int(call)]
            return names[int(index) - base] if int(index) >= base else ""
        except (LookupError, ValueError):
            return ""

    def _stack(self) -> str:
        return self._logs[1].stack()

    def _on_exit(self) -> None:
        for pipe in self._logs:
            pipe.writer_gone()


async def probe(host: Host, scratch: Path) -> None:
    """Starts a reader that does nothing but shut itself in: how far that goes is known before author code runs."""
    reader = Reader(
        ReaderSpec(python=base_python(), bundle=scratch, code="", scratch=scratch), host=host, logs=LogQueue()
    )
    try:
        await reader.confine()
    except AuthorFailure:
        host.isolation.report(["a reader that shuts itself in does not live; see the log of a session"])
    finally:
        reader.kill()
        await reader.gone()
