"""Looks after running readers four times a second: memory, tasks, CPU. Knows no gRPC."""

from __future__ import annotations

import asyncio
from typing import Protocol

from rowcast import _kin
from rowcast._orphans import Orphans

# How fast memory can outrun it: a reader of 1 GB/s is 250 MB over its limit when it is seen.
WATCH_SECONDS = 0.25
# Processes and threads of one reader. As a resource limit of the user it binds nobody who is root.
MAX_TASKS = 512


class Watched(Protocol):
    """What the watch knows of a reader process."""

    pid: int
    scratch: str
    memory_bytes: int
    cpu_seconds: float
    cpu_before: float

    def condemn(self, code: str, message: str) -> None:
        """Says why it is killed."""
        ...


class Watch:
    """Runs while there are readers."""

    def __init__(self, orphans: Orphans) -> None:
        self._orphans = orphans
        self._watched: dict[int, Watched] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, process: Watched) -> None:
        """Begins to look after it."""
        self._watched[process.pid] = process
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WATCH_SECONDS, self._tick)

    def remove(self, process: Watched) -> None:
        """It has exited."""
        self._watched.pop(process.pid, None)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def family(self, process: Watched) -> list[int]:
        """The process, its descendants, and those of them that came to us as orphans."""
        return _kin.tree([process.pid, *self._orphans.of(process.scratch)])

    def end(self, process: Watched) -> None:
        """Kills the whole family; returns at once."""
        _kin.end(lambda: self.family(process))

    def _tick(self) -> None:
        try:
            self._orphans.sweep()
            for process in list(self._watched.values()):
                self._look(process)
        finally:
            if self._watched:
                self._timer = asyncio.get_running_loop().call_later(WATCH_SECONDS, self._tick)
            else:
                self._timer = None

    def _look(self, process: Watched) -> None:
        family = self.family(process)
        used = _kin.usage(family)
        if used.tasks > MAX_TASKS:
            self._condemn(
                process,
                "read.limit",
                f"the connector runs {used.tasks:,} processes and threads; at most {MAX_TASKS}",
            )
            return
        limit = process.memory_bytes
        if limit and used.memory > limit:
            # Forked workers share most of their pages: count those once before saying it is too much.
            memory = used.memory if len(family) == 1 else _kin.shared_fairly(family)
            if memory > limit:
                self._condemn(
                    process,
                    "read.memory",
                    f"the connector uses {memory >> 20:,} MiB of memory; at most {limit >> 20:,} MiB (limits.memory)",
                )
                return
        if process.cpu_seconds and _kin.cpu_seconds(family) - process.cpu_before > process.cpu_seconds:
            self._condemn(
                process,
                "read.limit",
                f"the call used more than {process.cpu_seconds:g} s of CPU; its process was killed",
            )

    def _condemn(self, process: Watched, code: str, message: str) -> None:
        process.condemn(code, message)
        self.end(process)
