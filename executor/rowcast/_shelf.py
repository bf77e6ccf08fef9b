"""A folder of things built once: made aside, read-only, and given up least recently used first. Knows no gRPC."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

NEW = ".new-"


class Shelf:
    """`folder/<id>/`, together at most `max_bytes`, those in use apart."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        folder.mkdir(parents=True, exist_ok=True)
        clear(folder)

    def hold(self, name: str) -> Callable[[], None]:
        """Keeps it while in use; gives what lets go. FileNotFoundError."""
        return hold(self.folder / name)

    def put(self, made: Path, name: str) -> None:
        """Takes in what was made aside, complete, and makes it read-only."""
        size = 0
        for folder, _, files in os.walk(made):
            for file in files:
                path = os.path.join(folder, file)
                if not os.path.islink(path):
                    size += os.stat(path).st_blocks * 512
                    os.chmod(path, os.stat(path).st_mode & 0o555)
            if folder != str(made):
                os.chmod(folder, 0o555)
        # Before it is closed to writing; and the name last: a build that was killed leaves nothing that looks ready.
        (made / ".size").write_text(str(size))
        made.rename(self.folder / name)
        (self.folder / name).chmod(0o555)

    def make_room(self, *, keep: str) -> list[str]:
        """Removes the least recently used ones while all together are too large; gives their names."""
        known: list[tuple[float, int, Path]] = []
        for path in self.folder.iterdir():
            if not path.name.startswith(NEW):
                with contextlib.suppress(OSError, ValueError):
                    known.append((path.stat().st_mtime, int((path / ".size").read_text()), path))
        total = sum(size for _, size, _ in known)
        gone: list[str] = []
        for _, size, path in sorted(known):
            if total <= self._max_bytes:
                break
            if path.name != keep and remove_unused(path):
                total -= size
                gone.append(path.name)
        return gone


@contextlib.contextmanager
def aside(folder: Path) -> Generator[Path]:
    """A place to make something, removed afterwards. Locked: the next start clears only what a killed process left."""
    path = Path(tempfile.mkdtemp(prefix=NEW, dir=folder))
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield path
    finally:
        remove(path)
        os.close(handle)


def hold(path: Path) -> Callable[[], None]:
    """Keeps a folder while in use, also from other processes of this home; gives what lets go. FileNotFoundError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        # The time of last use.
        os.utime(path)
    except BaseException:
        # It was removed while its lock was waited for.
        os.close(handle)
        raise
    return lambda: os.close(handle)


def clear(folder: Path) -> None:
    """Removes what builds left that were killed."""
    for path in folder.glob(f"{NEW}*"):
        remove_unused(path)


def remove_unused(path: Path) -> bool:
    """Removes it unless somebody holds it; whether it is gone."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Out of the way first: whoever looks for it finds it whole or not at all.
            path.chmod(0o755)
            doomed = path.with_name(f"{NEW}gone-{path.name}") if not path.name.startswith(NEW) else path
            path.rename(doomed)
            remove(doomed)
            return True
        finally:
            os.close(handle)
    return False


def remove(path: Path) -> None:
    """Removes a tree, read-only folders in it too."""
    for folder, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o755)
    shutil.rmtree(path, ignore_errors=True)
