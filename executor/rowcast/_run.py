"""How far a reader came with its fragments, and what is said of the one it died at. Knows no gRPC."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rowcast._child import wire
from rowcast._errors import AuthorFailure, author_failure


@dataclass(slots=True)
class Verdict:
    """A fragment that ended with its reader: the supervisor writes its trailer."""

    error: bytes
    size: int
    since: float

    def trailer(self, index: int) -> bytes:
        """The message that tells it."""
        start_us = int(self.since * 1e6)
        duration_us = max(0, int(time.time() * 1e6) - start_us)
        return wire.piece_trailer(index, size=self.size, start_us=start_us, duration_us=duration_us, error=self.error)


class Run:
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
