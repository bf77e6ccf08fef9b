"""One session: a connector, its environment, its credentials, and the readers that run it. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass

from rowcast._child import wire
from rowcast._errors import AuthorFailure, SessionExpired, author_failure
from rowcast._logs import LogQueue
from rowcast._supervisor import Reader, ReaderSpec

# A reader without work ends after this long; the next call starts another.
IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fragment:
    """What `read_bytes` is called with."""

    name: str
    fingerprint: str
    extra_json: str


@dataclass(slots=True)
class _Verdict:
    """A fragment that ended with its reader: the supervisor writes its trailer."""

    error: bytes
    size: int
    since: float


class Session:
    """Readers start on demand, up to `concurrency`, and are used again while calls end well."""

    def __init__(self, spec: ReaderSpec, *, concurrency: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self.logs = LogQueue()
        self.closed = False
        self._spec: ReaderSpec | None = spec
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

    async def read(self, fragments: Sequence[Fragment], *, message_bytes: int, checksum: bool) -> AsyncGenerator[bytes]:
        """Encoded `ReadFragmentsResponse`s, the last one with the trailer."""
        names = [fragment.name for fragment in fragments]
        verdicts: dict[int, _Verdict] = {}
        at = size = 0
        async with self._slots:
            while at < len(fragments):
                verdict = verdicts.pop(at, None)
                if verdict is not None:
                    yield _trailer(at, verdict)
                    size += verdict.size
                    at += 1
                    continue
                stop = min(verdicts, default=len(fragments))
                items = [(part.name, part.fingerprint, part.extra_json) for part in fragments[at:stop]]
                request: dict[str, object] = {
                    "base": at,
                    "items": items,
                    "message_bytes": message_bytes,
                    "checksum": checksum,
                }
                run = _Run(at, stop)
                try:
                    async with self._reader() as lent:
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
                                    verdicts[blamed] = _Verdict(failure.error, left, run.since)
                except AuthorFailure as failure:
                    self._check()
                    yield wire.read_trailer(fragments=at, size=size, error=failure.error)
                    return
                at = run.next
                size += run.ended_bytes
            yield wire.read_trailer(fragments=at, size=size)

    async def close(self) -> None:
        """Ends every reader: end-of-file, two seconds, SIGKILL."""
        self._forget()
        await asyncio.gather(*(reader.close() for reader in list(self._readers)))
        self.logs.close()

    async def kill(self) -> None:
        """Ends every reader now."""
        self._forget()
        for reader in self._readers:
            reader.kill()
        await asyncio.gather(*(reader.gone() for reader in list(self._readers)))
        self.logs.close()

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
    async def _reader(self) -> AsyncGenerator[_Lent]:
        """Lends a reader, started and loaded. Unless its user says it is reusable, it is killed: a read abandoned in
        mid-call can be ended no other way."""
        lent = _Lent(await self._take())
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
        self._check()
        assert self._spec is not None
        reader = Reader(self._spec, logs=self.logs)
        self._readers.add(reader)
        try:
            await reader.start()
        except BaseException:
            reader.kill()
            self._watch(reader.gone(), reader)
            raise
        return reader

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


class _Run:
    """How far one reader came with fragments `at`…`stop`-1, as its tallies say. Checked: the author's code could
    forge them, and then only its own call may suffer."""

    def __init__(self, at: int, stop: int) -> None:
        self._at = at
        self._stop = stop
        self._announced: tuple[int, int, int] | None = None
        self.next = at
        self.ended_bytes = 0
        self.partial = 0
        self.since = time.time()

    def announce(self, payload: bytes) -> None:
        """A tally: counts only with the message that follows it."""
        if len(payload) != wire.TALLY_FIELDS.size:
            raise _forged()
        ended, ended_bytes, partial = wire.TALLY_FIELDS.unpack(payload)
        if not self.next - self._at <= ended <= self._stop - self._at or ended_bytes < self.ended_bytes:
            raise _forged()
        self._announced = ended, ended_bytes, partial

    def received(self) -> None:
        """The message itself."""
        if self._announced is None:
            raise _forged()
        ended, self.ended_bytes, self.partial = self._announced
        self.next = self._at + ended
        self._announced = None
        self.since = time.time()

    def finish(self, *, well: bool) -> bool:
        """The call is over: all fragments ended, or the last one that did has failed."""
        if (well and self.next != self._stop) or (not well and self.next == self._at):
            raise _forged()
        return well

    def blame(self, at_work: int) -> int | None:
        """Which fragment a dead reader failed at. None: it died between two, and the rest can go on."""
        if self.next <= at_work < self._stop:
            return at_work
        # Ended fragments that no message brought are read again, so each run must bring at least one, or a verdict.
        return None if self.next > self._at else self.next


def _forged() -> AuthorFailure:
    message = "the reader's counts are wrong: the connector's code wrote to a descriptor that is not its own"
    return author_failure("read.corrupt", message, retryable=True)


def _trailer(index: int, verdict: _Verdict) -> bytes:
    start_us = int(verdict.since * 1e6)
    duration_us = max(0, int(time.time() * 1e6) - start_us)
    return wire.piece_trailer(index, size=verdict.size, start_us=start_us, duration_us=duration_us, error=verdict.error)
