"""Processes by /proc: who descends from whom, what they use, how a tree of them ends. Knows no gRPC."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
# A tree that outgrows its killer for so many rounds is killed as far as it is known; the next look finds the rest.
_ROUNDS = 50


def children(pid: int) -> list[int]:
    """Direct ones, of all its threads; those that have exited and wait to be reaped too."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
    return found


def tree(roots: Iterable[int]) -> list[int]:
    """The given processes and all that descend from them."""
    found = list(dict.fromkeys(roots))
    seen = set(found)
    for pid in found:
        for child in children(pid):
            if child not in seen:
                seen.add(child)
                found.append(child)
    return found


@dataclass(slots=True)
class Usage:
    """What a tree uses now. `memory`: anonymous and shared bytes, `tasks`: processes and threads."""

    memory: int = 0
    tasks: int = 0


def usage(pids: Iterable[int]) -> Usage:
    """Sums over processes; pages that several of them share count in each."""
    sums = Usage()
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            for line in _read(f"/proc/{pid}/status").splitlines():
                if line.startswith((b"RssAnon:", b"RssShmem:")):
                    sums.memory += int(line.split()[1]) << 10
                elif line.startswith(b"Threads:"):
                    sums.tasks += int(line.split()[1])
    return sums


def shared_fairly(pids: Iterable[int]) -> int:
    """As `usage().memory`, with each shared page counted once: exact, and too slow to ask for all the time."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")):
                    total += int(line.split()[1]) << 10
    return total


def cpu_seconds(pids: Iterable[int]) -> float:
    """Of these processes and of their children that have been waited for."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            # After the name, which may hold anything.
            fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def user_tasks() -> int:
    """Processes and threads of this user, as the kernel counts them against RLIMIT_NPROC."""
    uid, count = os.getuid(), 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                count += len(os.listdir(f"/proc/{entry.name}/task"))
    return count


def started_in(pid: int) -> bytes:
    """The environment variables a process was started with, undecoded; empty when they cannot be seen."""
    try:
        return _read(f"/proc/{pid}/environ")
    except OSError:
        return b""


def end(find: Callable[[], list[int]]) -> None:
    """Kills all that `find` finds: stopped first, so that none of them starts another meanwhile."""
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        fresh = [pid for pid in find() if pid not in stopped]
        if not fresh:
            break
        for pid in fresh:
            _signal(pid, signal.SIGSTOP)
        stopped.update(fresh)
    for pid in stopped:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
