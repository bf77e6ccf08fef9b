"""One session: a connector, its environment, its credentials, and the readers that run it. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from rowcast._child import wire
from rowcast._errors import AuthorFailure, Busy, SessionExpired
from rowcast._logs import LogQueue
from rowcast._process import Host
from rowcast._run import Run, Verdict
from rowcast._spec import ReaderSpec
from rowcast._supervisor import Reader

# A reader without work ends after this long; the next call starts another.
IDLE_SECONDS = 60.0
PLACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Fragment:
    """What `read_bytes` is called with."""

    name: str
    fingerprint: str
    extra_json: str
    # W3C trace context that the author's code may pass on; empty: none.
    traceparent: str = ""


class Session:
    """Readers start on demand, up to `concurrency`, and are used again while calls end well."""

    def __init__(
        self,
        spec: ReaderSpec,
        *,
        host: Host,
        concurrency: int,
        idle_seconds: float = IDLE_SECONDS,
        on_end: Callable[[], None] = lambda: None,
        may_start: Callable[[], None] = lambda: None,
    ) -> None:
        self.logs = LogQueue()
        self.closed = False
        self._spec: ReaderSpec | None = spec
        self._host = host
        self._on_end = on_end
        self._may_start = may_start
        self._slots = asyncio.Semaphore(concurrency)
        self._idle: dict[Reader, asyncio.TimerHandle] = {}
        self._readers: set[Reader] = set()
        self._idle_seconds = idle_seconds
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def readers(self) -> int:
        """How many are alive."""
        return sum(reader.alive for reader in self._readers)

    async def list(self, *, prefixes: bool) -> AsyncGenerator[bytes]:
        """Encoded `ListObjectsResponse`s, the last one with the trailer."""
        async with self._slots:
            try:
                async with self._reader() as lent:
                    call = lent.reader.call(wire.LIST, {"prefixes": prefixes}, phase="list")
                    async with contextlib.aclosing(call):
                        async for kind, payload in call:
                            if kind == wire.TALLY:
                                continue
                            lent.reusable = kind == wire.DONE
                            yield payload
            except AuthorFailure as failure:
                self._check()
                # Promise 4: a listing whose reader failed is not complete.
                yield wire.list_trailer(complete=False, fragments=0, prefixes=0, calls=0, error=failure.error)

    async def read(
        self, fragments: Sequence[Fragment], *, message_bytes: int, checksum: bool, fresh: bool = False
    ) -> AsyncGenerator[bytes]:
        """Encoded `ReadFragmentsResponse`s, the last one with the trailer. `fresh`: in a new reader."""
        names = [fragment.name for fragment in fragments]
        verdicts: dict[int, Verdict] = {}
        at = size = 0
        async with self._slots:
            while at < len(fragments):
                verdict = verdicts.pop(at, None)
                if verdict is not None:
                    yield verdict.trailer(at)
                    size += verdict.size
                    at += 1
                    continue
                stop = min(verdicts, default=len(fragments))
                items = [
                    (part.name, part.fingerprint, part.extra_json, part.traceparent) for part in fragments[at:stop]
                ]
                request: dict[str, object] = {
                    "base": at,
                    "items": items,
                    "message_bytes": message_bytes,
                    "checksum": checksum,
                }
                run = Run(at, stop)
                try:
                    async with self._reader(fresh=fresh) as lent:
                        call = lent.reader.call(wire.READ, request, phase="read", base=at, names=names[at:stop])
                        async with contextlib.aclosing(call):
                            try:
                                async for kind, payload in call:
                                    if kind == wire.TALLY:
                                        run.announce(payload)
                                    elif kind == wire.DATA:
                                        run.received()
                                        yield payload
                                    else:
                                        lent.reusable = run.finish(well=kind == wire.DONE)
                            except AuthorFailure as failure:
                                self._check()
                                blamed = run.blame(lent.reader.fragment_at_work())
                                if blamed is not None:
                                    left = run.partial if blamed == run.next else 0
                                    verdicts[blamed] = Verdict(failure.error, left, run.since)
                except AuthorFailure as failure:
                    self._check()
                    yield wire.read_trailer(fragments=at, size=size, error=failure.error)
                    return
                at = run.next
                # What failed with the last one shall not fail its neighbour.
                fresh = True
                size += run.ended_bytes
            yield wire.read_trailer(fragments=at, size=size)

    def flush(self, number: int) -> None:
        """Every line printed until now goes ahead of the answer that carries `number`."""
        for reader in self._readers:
            reader.catch_up()
        self.logs.flush(number)

    async def close(self) -> None:
        """Ends every reader: end-of-file, two seconds, SIGKILL."""
        self._forget()
        await asyncio.gather(*(reader.close() for reader in list(self._readers)))
        self._end()

    async def kill(self) -> None:
        """Ends every reader now."""
        self._forget()
        for reader in self._readers:
            reader.kill()
        await asyncio.gather(*(reader.gone() for reader in list(self._readers)))
        self._end()

    def _end(self) -> None:
        self.logs.close()
        # Once: close and kill may both be asked for.
        on_end, self._on_end = self._on_end, lambda: None
        on_end()

    def _forget(self) -> None:
        self.closed = True
        # The credentials go with it (promise 10).
        self._spec = None
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()

    def _check(self) -> None:
        if self.closed:
            raise SessionExpired("the session was closed")

    @contextlib.asynccontextmanager
    async def _reader(self, *, fresh: bool = False) -> AsyncGenerator[_Lent]:
        """Lends a reader, started and loaded. Unless its user says it is reusable, it is killed: a read abandoned in
        mid-call can be ended no other way."""
        if fresh and self._idle:
            # It makes room: there are never more readers than may run at a time.
            reader, timer = self._idle.popitem()
            timer.cancel()
            self._watch(reader.close(), reader)
        lent = _Lent(await (self._start() if fresh else self._take()))
        try:
            yield lent
        finally:
            if lent.reusable and lent.reader.alive and not self.closed:
                loop = asyncio.get_running_loop()
                self._idle[lent.reader] = loop.call_later(self._idle_seconds, self._retire, lent.reader)
            else:
                lent.reader.kill()
                self._watch(lent.reader.gone(), lent.reader)

    async def _take(self) -> Reader:
        while self._idle:
            reader, timer = self._idle.popitem()
            timer.cancel()
            if reader.alive:
                return reader
            self._readers.discard(reader)
        return await self._start()

    async def _start(self) -> Reader:
        self._check()
        assert self._spec is not None
        await self._place()
        self._check()
        reader = Reader(self._spec, host=self._host, logs=self.logs)
        self._readers.add(reader)
        try:
            await reader.start()
        except BaseException:
            reader.kill()
            self._watch(reader.gone(), reader)
            raise
        return reader

    async def _place(self) -> None:
        """Waits a little for a reader's place: one that failed is still on its way out. Busy."""
        for _ in range(int(PLACE_SECONDS / 0.05)):
            with contextlib.suppress(Busy):
                self._may_start()
                return
            await asyncio.sleep(0.05)
        self._may_start()

    def _retire(self, reader: Reader) -> None:
        self._idle.pop(reader, None)
        self._watch(reader.close(), reader)

    def _watch(self, ending: Awaitable[None], reader: Reader) -> None:
        async def wait() -> None:
            await ending
            self._readers.discard(reader)

        task = asyncio.get_running_loop().create_task(wait())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


@dataclass(slots=True)
class _Lent:
    reader: Reader
    reusable: bool = False
