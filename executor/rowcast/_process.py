"""The process of a reader: its start, its end, what watches over it. Knows no gRPC, and no frames."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

from rowcast import _kin
from rowcast._child import wire
from rowcast._isolation import Isolation
from rowcast._orphans import Orphans
from rowcast._spec import PACKAGE, ReaderSpec, environment
from rowcast._watch import Watch

SOCKET_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Host:
    """What all readers of an executor share."""

    isolation: Isolation = field(default_factory=lambda: Isolation(profile="workstation"))
    orphans: Orphans = field(default_factory=Orphans)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "watch", Watch(self.orphans))


class ReaderProcess:
    """A child process with a socket, two pipes, a folder, and a word of shared memory.

    `exited` is set when it is gone: reaped, with its descendants, its folder removed. `condemned`: why it was killed by
    us, if it was.
    """

    def __init__(self, spec: ReaderSpec, host: Host, *, on_exit: Callable[[], None]) -> None:
        self.memory_bytes = spec.memory_bytes
        self.cpu_seconds = spec.cpu_seconds
        self.cpu_before = 0.0
        self.condemned: tuple[str, str] | None = None
        self.alive = True
        self.exited = asyncio.Event()
        self._host = host
        self._on_exit = on_exit
        self._burial: asyncio.Task[None] | None = None
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        index_fd = os.memfd_create("rowcast-index")
        os.ftruncate(index_fd, mmap.PAGESIZE)
        self._index = mmap.mmap(index_fd, mmap.PAGESIZE)
        self._at_work = wire.NO_FRAGMENT
        wire.INDEX.pack_into(self._index, 0, wire.NO_FRAGMENT)
        self.scratch = tempfile.mkdtemp(prefix="reader-", dir=spec.scratch)
        self.sandbox = host.isolation.for_reader(spec, self.scratch)
        out, err = os.pipe(), os.pipe()
        try:
            # On the main thread, whose death alone is then the child's too, and without preexec_fn: unsafe beside
            # gRPC's threads. Its own session and process group: the terminal's Ctrl-C is not for it.
            self._popen = subprocess.Popen(
                [
                    *(str(spec.python), "-I", "-u", "-X", "utf8", "-X", "faulthandler"),
                    *(str(PACKAGE / "_child" / "__main__.py"), str(theirs.fileno())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out[1],
                stderr=err[1],
                pass_fds=(theirs.fileno(), index_fd),
                start_new_session=True,
                cwd=spec.bundle,
                env=environment(self.scratch),
            )
        except BaseException:
            ours.close()
            self._index.close()
            os.close(out[0])
            os.close(err[0])
            shutil.rmtree(self.scratch, ignore_errors=True)
            raise
        finally:
            theirs.close()
            os.close(out[1])
            os.close(err[1])
            os.close(index_fd)
        ours.setblocking(False)
        self.pid = self._popen.pid
        self.socket = ours
        self.index_fd = index_fd
        self.stdout, self.stderr = out[0], err[0]
        host.orphans.started(self.pid)
        host.orphans.reader(self.scratch, alive=True)
        host.watch.add(self)
        # A pidfd, not end-of-file on the socket: a forked grandchild may hold the socket open.
        self._pidfd = os.pidfd_open(self.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._exited)

    @property
    def status(self) -> int:
        """Its exit status, negative for a signal, once it has exited."""
        return self._popen.returncode

    def fragment_at_work(self) -> int:
        """Index of the fragment the reader is or was at, `NO_FRAGMENT` for none. The author's code could forge it."""
        return int(wire.INDEX.unpack_from(self._index, 0)[0]) if self.alive else self._at_work

    def call_begins(self) -> None:
        """The CPU quota counts from here."""
        if self.cpu_seconds:
            self.cpu_before = _kin.cpu_seconds(self._host.watch.family(self))

    def condemn(self, code: str, message: str) -> None:
        """Says why it is killed; the first reason stands."""
        self.condemned = self.condemned or (code, message)

    def abort(self) -> None:
        """faulthandler (-X) writes every thread's stack to stderr on SIGABRT, even while the GIL is held."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(signal.SIGABRT)

    def kill(self) -> None:
        """SIGKILL to its process group; returns at once. What left the group is ended when it has exited."""
        # Not once it is reaped: its number may be another's then.
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _exited(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        # Before it is reaped: until then its process group cannot be another's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        os.close(self._pidfd)
        self._host.watch.remove(self)
        self._host.orphans.ended(self.pid)
        self._burial = asyncio.get_running_loop().create_task(self._bury())

    async def _bury(self) -> None:
        await self._host.orphans.bury(self.scratch)
        self._host.orphans.reader(self.scratch, alive=False)
        # What was sent can still be received; then end-of-file, even if a descendant holds the other end.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)
        self._at_work = self.fragment_at_work()
        self._index.close()
        self.alive = False
        self._on_exit()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.exited.set()
