"""The sessions of this executor: opening, finding, and the lease that ends them. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from rowcast._errors import Busy, Draining, SessionExpired, StaleEpoch
from rowcast._session import Session

LEASE_SECONDS = 30.0
MAX_SESSIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which start of which executor this is: with it, a session of an earlier one is told apart."""

    executor_id: str = field(default_factory=lambda: secrets.token_hex(8))
    epoch: int = field(default_factory=lambda: time.time_ns() // 1000)


@dataclass(kw_only=True)
class Opened:
    """A session and what a caller must know to use it."""

    id: str
    token: bytes
    key: str
    session: Session
    timer: asyncio.TimerHandle


class Sessions:
    """A session lives while it is pinged, or until it is closed."""

    def __init__(
        self,
        identity: Identity,
        *,
        lease_seconds: float = LEASE_SECONDS,
        max_sessions: int = MAX_SESSIONS,
        max_readers: int = 0,
    ) -> None:
        self.identity = identity
        # Set when draining begins; microseconds since 1970 of its end.
        self.draining = asyncio.Event()
        self.deadline_us = 0
        self._max_sessions = max_sessions
        self.max_readers = max_readers
        self._calls = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.lease_seconds = lease_seconds
        self._by_id: dict[str, Opened] = {}
        self._by_key: dict[str, Opened] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def readers(self) -> int:
        """Readers alive, over all sessions."""
        return sum(opened.session.readers for opened in self._by_id.values())

    def open(self, key: str, make: Callable[[], Session]) -> Opened:
        """The session of this idempotency key: the one that is there, or a new one."""
        known = self._by_key.get(key)
        if known is not None:
            return known
        if self.draining.is_set():
            raise Draining("this executor is about to end; open the session on another")
        if len(self._by_id) >= self._max_sessions:
            raise Busy(f"{len(self._by_id)} sessions are open, as many as may be (--max-sessions)")
        self.check_readers()
        name = secrets.token_hex(8)
        timer = self._timer(name)
        opened = Opened(id=name, token=secrets.token_bytes(16), key=key, session=make(), timer=timer)
        self._by_id[name] = self._by_key[key] = opened
        return opened

    def find(self, *, session_id: str, executor_id: str, epoch: int, token: bytes) -> Opened:
        """The session that a caller names; SessionExpired or StaleEpoch."""
        if executor_id != self.identity.executor_id or epoch != self.identity.epoch:
            raise StaleEpoch("this session belongs to another executor, or to this one before its restart")
        opened = self._by_id.get(session_id)
        if opened is None or not hmac.compare_digest(opened.token, token):
            raise SessionExpired("no such session; it was closed, or its lease ran out")
        return opened

    def check_readers(self) -> None:
        """Busy when there are as many readers as may be."""
        if self.max_readers and self.readers >= self.max_readers:
            raise Busy(f"{self.readers} readers run, as many as may (--max-readers)")

    @contextlib.contextmanager
    def call(self) -> Generator[None]:
        """A call that a drain waits for."""
        self._calls += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._quiet.set()

    async def drain(self, seconds: float) -> None:
        """No new sessions; waits until nobody calls any more, at most so long."""
        self.deadline_us = time.time_ns() // 1000 + int(seconds * 1e6)
        self.draining.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quiet.wait()

    def ping(self, opened: Opened) -> None:
        """The lease starts anew."""
        opened.timer.cancel()
        if opened.id in self._by_id:
            opened.timer = self._timer(opened.id)

    async def close(self, opened: Opened) -> None:
        """Ends a session in order."""
        if self._forget(opened.id) is not None:
            await opened.session.close()

    async def close_all(self) -> None:
        """Ends them all in order."""
        await asyncio.gather(*(self.close(opened) for opened in list(self._by_id.values())), *self._ending)

    async def kill_all(self) -> None:
        """Ends them all now."""
        opened = [self._forget(name) for name in list(self._by_id)]
        await asyncio.gather(*(one.session.kill() for one in opened if one is not None), *self._ending)

    def _timer(self, name: str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self.lease_seconds, self._expire, name)

    def _expire(self, name: str) -> None:
        opened = self._forget(name)
        if opened is not None:
            task = asyncio.get_running_loop().create_task(opened.session.kill())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _forget(self, name: str) -> Opened | None:
        opened = self._by_id.pop(name, None)
        if opened is not None:
            self._by_key.pop(opened.key, None)
            opened.timer.cancel()
        return opened
