"""Linux calls that Python has no name for, by ctypes: no package can be counted on in the connector's environment."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
# Every kind of namespace, for the filter of `clone`.
CLONE_NEW_ANY = 0x7E020080

MS_RDONLY = 1
MS_NOSUID, MS_NODEV = 2, 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
# What `statvfs` tells of a mount, to what a remount must say again: a user namespace may take none of them away.
_KEPT_FLAGS = ((2, MS_NOSUID), (4, MS_NODEV), (8, 8), (1024, 1024), (2048, 2048), (4096, 1 << 21))

_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63


class Libc:
    """The C library of this process. A call that fails raises OSError with its name."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _call(self, name: str, *arguments: Any) -> int:
        function = getattr(self._libc, name)
        function.restype = ctypes.c_long
        # Numbers as longs: ctypes would pass the lower half only.
        result = function(*(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments))
        if ctypes.c_int(result).value == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)
        return int(result)

    def syscall(self, number: int, *arguments: Any) -> int:
        """Any system call."""
        return self._call("syscall", number, *arguments)

    def prctl(self, option: int, argument: Any = 0, second: Any = 0) -> int:
        """A setting of this process."""
        return self._call("prctl", option, argument, second, 0, 0)

    def unshare(self, flags: int) -> None:
        """New namespaces for this process."""
        self._call("unshare", flags)

    def mount(self, source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
        """mount(2)."""
        given = [None if one is None else os.fsencode(one) for one in (source, target, kind, data)]
        self._call("mount", given[0], given[1], given[2], flags, given[3])

    def read_only(self, target: str) -> None:
        """Makes a bind mount read-only."""
        now = os.statvfs(target).f_flag
        kept = sum(flag for seen, flag in _KEPT_FLAGS if now & seen)
        self.mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)

    def drop_capabilities(self) -> None:
        """Of the bounding set, as far as allowed, and of this process, for good once there are no new privileges."""
        for capability in range(_LAST_CAPABILITY + 1):
            try:
                self.prctl(PR_CAPBSET_DROP, capability)
            except OSError:
                # Past the kernel's last one; or without CAP_SETPCAP, where `no_new_privs` does the same for programs.
                break
        with contextlib.suppress(OSError):
            self.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        self._call("capset", header, (ctypes.c_uint32 * 6)())
