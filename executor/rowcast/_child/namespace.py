"""A view of the file system of its own: an empty folder where the reader has nothing to look for."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .kernel import (
    CLONE_NEWNS,
    CLONE_NEWUSER,
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    Libc,
)

_TMPFS = MS_NOSUID | MS_NODEV
_EMPTY = "size=1m,mode=0755"


def enter(
    libc: Libc, *, hidden: Sequence[str], read_only: Sequence[str], writable: Sequence[str], shared_bytes: int
) -> None:
    """Hides folders, all but what of them is named as read-only or writable; read-only ones elsewhere become so too.

    `/dev/shm` becomes the reader's own, at most `shared_bytes` large: what it leaves there goes with it. OSError when
    the kernel or its administrator allows no such view; nothing is hidden then. Only before the first thread.
    """
    uid, gid = os.getuid(), os.getgid()
    libc.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    # The same user inside: files look as they did.
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    libc.mount("none", "/", None, MS_REC | MS_PRIVATE)
    covered: list[str] = []
    # The outer one first: what lies in it is gone with it.
    for path in sorted(hidden, key=len):
        if not _inside(path, covered) and os.path.lexists(path):
            _hide(libc, path, read_only, writable)
            covered.append(path)
    done: list[str] = []
    for path in sorted(read_only, key=len):
        if not _inside(path, covered) and not _inside(path, done) and not _inside(path, writable):
            libc.mount(path, path, None, MS_BIND | MS_REC)
            libc.read_only(path)
            done.append(path)
    for path in writable:
        if _inside(path, done) and not _inside(path, covered):
            raise OSError(0, "a scratch folder inside a read-only one", path)
    if os.path.isdir("/dev/shm"):
        libc.mount("tmpfs", "/dev/shm", "tmpfs", _TMPFS, f"size={shared_bytes},mode=1777")


def _hide(libc: Libc, path: str, read_only: Sequence[str], writable: Sequence[str]) -> None:
    if not os.path.isdir(path):
        libc.mount("/dev/null", path, None, MS_BIND)
        return
    kept = [(inner, True) for inner in read_only if _inside(inner, [path])]
    kept += [(inner, False) for inner in writable if _inside(inner, [path])]
    # Held before they are covered; opened in this view, as mounts of another one cannot be bound.
    held = [(inner, os.open(inner, os.O_PATH | os.O_CLOEXEC), fixed) for inner, fixed in kept]
    libc.mount("tmpfs", path, "tmpfs", _TMPFS, _EMPTY)
    for inner, fd, fixed in held:
        os.makedirs(inner, exist_ok=True)
        libc.mount(f"/proc/self/fd/{fd}", inner, None, MS_BIND | MS_REC)
        if fixed:
            libc.read_only(inner)
        os.close(fd)
    libc.mount(None, path, None, MS_REMOUNT | MS_RDONLY | _TMPFS)


def _inside(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
