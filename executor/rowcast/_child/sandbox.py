"""What a process may do before it runs anything of the author's: set by itself, unprivileged, before its first thread.

The order is fixed: the namespace needs capabilities, dropping them needs no sandbox, the filter refuses what the others
still use. What the kernel does not offer is left out and told (`reduced`), never passed over in silence.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
from typing import Any

from . import landlock, namespace, seccomp
from .kernel import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, Libc

NICE = 10
OPEN_FILES = 1024
# Thread stacks and what libraries map beside the author's data count too.
SPARE_BYTES = 256 << 20
# Devices that programs use; the others would show the disk behind the files.
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm")
# Of these nothing is written: they steer processes and machine, by the user's right alone.
_NOT_WRITTEN = ("/proc", "/sys", "/dev")


def apply(settings: dict[str, Any]) -> list[str]:
    """Confines this process as `rowcast._isolation` says; gives what could not be done, empty for nothing."""
    missing: list[str] = []
    libc = Libc()
    parent = int(settings["parent"])
    namespaced = False
    if settings["namespace"]:
        try:
            namespace.enter(
                libc,
                hidden=settings["hidden"],
                read_only=settings["read_only"],
                writable=settings["writable"],
                shared_bytes=settings["memory_bytes"] or 1 << 30,
            )
            namespaced = True
        except OSError as error:
            missing.append(_why("user and mount namespaces", error))
        # Not the place it was started in: that one still leads to what is hidden now.
        os.chdir(settings["folder"])
    try:
        libc.drop_capabilities()
    except OSError as error:
        missing.append(_why("capabilities", error))
    # After capabilities: changing them forgets it. The supervisor's death, even by SIGKILL, is the reader's.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1)
    _limits(settings)
    try:
        # Before version 6 signals reach every process of the same user.
        version = _landlock(libc, settings, namespaced=namespaced)
        if version < 6:
            missing.append(f"Landlock version {version}: signals to other processes are not refused")
        if version < landlock.PORTS and settings["ports"] is not None:
            missing.append(f"Landlock version {version}: TCP ports are not restricted")
    except OSError as error:
        missing.append(_why("Landlock", error))
    try:
        seccomp.apply(libc, ports=settings["ports"] is not None)
    except OSError as error:
        missing.append(_why("seccomp", error))
    return missing


def _limits(settings: dict[str, Any]) -> None:
    wanted = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, int(settings.get("open_files") or OPEN_FILES))]
    if settings["memory_bytes"]:
        wanted.append((resource.RLIMIT_DATA, settings["memory_bytes"] + SPARE_BYTES))
    if settings["file_bytes"]:
        wanted.append((resource.RLIMIT_FSIZE, settings["file_bytes"]))
    if settings["tasks"]:
        wanted.append((resource.RLIMIT_NPROC, settings["tasks"]))
    for limit, value in wanted:
        hard = resource.getrlimit(limit)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        # A kernel without it kills by size alone; the memory watch is ahead of it.
        pass


def _landlock(libc: Libc, settings: dict[str, Any], *, namespaced: bool) -> int:
    rules = landlock.Landlock(libc, ports=settings["ports"])
    hidden = [] if namespaced else list(settings["hidden"])
    for root in settings["readable"]:
        # In a view of its own names may be seen: what is hidden is not even there.
        if namespaced:
            rules.allow(root, landlock.LIST)
        rules.allow_beside(root, landlock.READ | landlock.LIST, [*hidden, "/dev"] if root == "/" else hidden)
    if settings["write_anywhere"]:
        rules.allow_beside("/", landlock.WRITE, [*hidden, *_NOT_WRITTEN])
    everything = landlock.READ | landlock.LIST | landlock.WRITE
    rules.allow_all((f"/dev/{name}" for name in _DEVICES), everything)
    # Its own: names of threads, its score. Folders of other processes stay read-only, or unseen.
    rules.allow("/proc/self", everything)
    rules.allow_all(settings["read_only"], landlock.READ | landlock.LIST)
    rules.allow_all(settings["writable"], everything)
    rules.restrict()
    return rules.version


def _why(layer: str, error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "") or str(error.strerror)
    # Which step, where it is not the first.
    step = f" ({error.filename})" if error.filename and error.filename not in ("unshare", "syscall", "prctl") else ""
    return f"{layer}: {name}{step}"


def execute(settings: str, command: list[str]) -> None:
    """Becomes another program, confined."""
    import json

    apply(json.loads(settings))
    os.execv(command[0], command)
