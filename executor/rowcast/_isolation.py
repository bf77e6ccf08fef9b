"""How far readers are shut in: the two profiles, and what of them this kernel grants. Knows no gRPC."""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rowcast import _kin
from rowcast._spec import PACKAGE, ReaderSpec

log = logging.getLogger("rowcast")
Profile = Literal["pod", "workstation"]
SPARE_TASKS = 512
_COUNT_SECONDS = 10.0
_LIBRARY = os.path.realpath(sysconfig.get_path("stdlib"))
# What programs of any language need of a Linux system: libraries, names, certificates, the clock.
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/alternatives", "/etc/hosts", "/etc/host.conf"),
    *("/etc/resolv.conf", "/run/systemd/resolve", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/protocols", "/etc/localtime", "/etc/timezone", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"),
    *("/etc/passwd", "/etc/group", "/etc/mime.types", "/etc/os-release"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/loadavg", "/proc/uptime"),
    *("/proc/version", "/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/fs"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage", "/sys/fs/cgroup"),
)


class Isolation:
    """Settings for a reader's sandbox, and what readers reported of it.

    `pod`: a reader sees the system's libraries and its own folders, writes its scratch folder and `/dev/shm`.
    `workstation`: it sees and writes what the user may, except the folders in `hidden`, and other processes.
    `ports`: the only TCP ports it may connect to; None: any.
    `known`: a reader has reported, so the status is more than a hope.
    """

    def __init__(self, *, profile: Profile, hidden: Sequence[Path] = (), ports: Sequence[int] | None = None) -> None:
        self.profile: Profile = profile
        self._hidden = [os.path.realpath(path) for path in hidden]
        self._ports = None if ports is None else list(ports)
        self.known = False
        self._missing: dict[str, None] = {}
        self._counted = (0.0, 0)

    @property
    def status(self) -> str:
        """`full` or `reduced`."""
        return "reduced" if self._missing else "full"

    @property
    def reason(self) -> str:
        """Why it is reduced; empty when it is full."""
        return "; ".join(self._missing)

    def report(self, missing: Sequence[str]) -> None:
        """What a reader could not do. Never silent: from now on the status says it."""
        self.known = True
        fresh = [reason for reason in missing if reason not in self._missing]
        if fresh:
            log.warning("isolation is reduced: %s", "; ".join(fresh))
        self._missing.update(dict.fromkeys(missing))

    def for_reader(self, spec: ReaderSpec, scratch: str) -> dict[str, object]:
        """Of one reader, for `_child.sandbox.apply`."""
        # The environment of a connector without packages is the base interpreter itself.
        environment = str(spec.python.parent.parent)
        settings = self._paths([str(spec.bundle), environment], [scratch])
        return {
            **settings,
            "folder": str(spec.bundle),
            "memory_bytes": spec.memory_bytes,
            "file_bytes": spec.fragment_bytes,
            "tasks": self._tasks(),
        }

    def for_build(self, *, readable: Sequence[Path], writable: Sequence[Path]) -> dict[str, object]:
        """Of uv and the code that building a package runs. Without a view of its own: uv links files between its cache
        and the environment, which no two mounts allow."""
        settings = self._paths([str(path) for path in readable], [str(path) for path in writable])
        if self.profile == "workstation":
            # Their settings of uv and git are the user's; they write where the build does.
            settings["write_anywhere"] = False
        return {
            **settings,
            "namespace": False,
            "folder": str(writable[0]),
            "memory_bytes": 4 << 30,
            "file_bytes": 16 << 30,
            "tasks": self._tasks(),
            "open_files": 4096,
        }

    def _paths(self, readable: list[str], writable: list[str]) -> dict[str, object]:
        own = [str(PACKAGE), os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix), *readable]
        anywhere = self.profile == "workstation"
        listed = os.environ.get("ROWCAST_READABLE", "").split(os.pathsep)
        return {
            "parent": os.getpid(),
            "ports": self._ports,
            "namespace": anywhere,
            "hidden": self._hidden if anywhere else [],
            "readable": ["/"] if anywhere else [*_SYSTEM, *(path for path in listed if path)],
            "write_anywhere": anywhere,
            # The system's own folder may hold more than Python: of it the standard library alone.
            "read_only": [_LIBRARY if anywhere and path == "/usr" else path for path in own],
            "writable": writable,
        }

    def _tasks(self) -> int:
        """The user's threads now and 512 more. Root is bound by no such limit: counting would be in vain."""
        if os.getuid() == 0:
            return SPARE_TASKS
        now = time.monotonic()
        if now - self._counted[0] > _COUNT_SECONDS or not self._counted[1]:
            self._counted = now, _kin.user_tasks()
        return self._counted[1] + SPARE_TASKS
