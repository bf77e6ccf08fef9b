"""What readers leave behind: daemons, double forks. They come back to the supervisor, who ends them. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import os

from rowcast import _kin
from rowcast._child.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, Libc

# How long to look for what a dead reader left; a killed process is gone in milliseconds.
BURY_SECONDS = 5.0


class Orphans:
    """Children of this process that it did not start.

    An orphan belongs to the reader whose scratch folder is the TMPDIR it was started with, and lives as long as that;
    one that hides where it is from is ended at the second look (the first may have met it between fork and exec).
    """

    def __init__(self) -> None:
        self._adopting = False
        self._own: set[int] = set()
        self._living: set[bytes] = set()
        self._suspects: set[int] = set()

    def adopt(self) -> None:
        """Makes the kernel hand every orphan to this process, and hides it from its own children: they see no memory,
        no environment and no descriptors of it. Only for a process that starts nothing but readers and uv."""
        libc = Libc()
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        libc.prctl(PR_SET_DUMPABLE, 0)
        self._adopting = True

    def started(self, pid: int) -> None:
        """A child of ours, in the same breath as its start."""
        self._own.add(pid)

    def ended(self, pid: int) -> None:
        """It was reaped."""
        self._own.discard(pid)

    def reader(self, scratch: str, *, alive: bool) -> None:
        """A reader with this scratch folder begins or ends."""
        (self._living.add if alive else self._living.discard)(_mark(scratch))

    def of(self, scratch: str) -> list[int]:
        """The orphans of one reader."""
        mark = _mark(scratch)
        return [pid for pid in self._all() if mark in _kin.started_in(pid)]

    def sweep(self) -> None:
        """Reaps those that exited, ends those that belong to nobody alive."""
        suspects: set[int] = set()
        for pid in self._all():
            if self._reap(pid) or self._owner(pid) is not None:
                continue
            if pid in self._suspects:
                self._end([pid])
            else:
                suspects.add(pid)
        self._suspects = suspects

    async def bury(self, scratch: str) -> None:
        """Ends what a dead reader left; comes back when nothing of it is there."""
        mark = _mark(scratch)
        deadline = asyncio.get_running_loop().time() + BURY_SECONDS
        pause = 0.002
        while asyncio.get_running_loop().time() < deadline:
            left: list[int] = []
            for pid in self._all():
                if self._reap(pid):
                    continue
                started = _kin.started_in(pid)
                # Alone with it, an orphan of unknown origin is its own.
                if mark in started or (not self._living and self._owner(pid) is None):
                    left.append(pid)
            if not left:
                return
            self._end(left)
            await asyncio.sleep(pause)
            pause = min(0.05, pause * 2)

    def _all(self) -> list[int]:
        if not self._adopting:
            return []
        return [pid for pid in _kin.children(os.getpid()) if pid not in self._own]

    def _owner(self, pid: int) -> bytes | None:
        started = _kin.started_in(pid)
        return next((mark for mark in self._living if mark in started), None)

    def _end(self, pids: list[int]) -> None:
        _kin.end(lambda: _kin.tree(pids))
        for pid in pids:
            self._reap(pid)

    @staticmethod
    def _reap(pid: int) -> bool:
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(pid, os.WNOHANG)[0] == pid
        return True


def _mark(scratch: str) -> bytes:
    return b"\0TMPDIR=" + os.fsencode(scratch) + b"\0"
