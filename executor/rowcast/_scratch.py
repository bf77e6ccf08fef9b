"""Folders for what readers leave lying about: `HOME/scratch/<executor>/<reader>/`, gone with them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path


class Scratch:
    """This executor's folder, locked while it lives: the next start over this home clears what a killed one left."""

    def __init__(self, home: Path, executor_id: str) -> None:
        folder = home / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            _clear(left)
        self.path = folder / executor_id
        self.path.mkdir()
        self._handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def close(self) -> None:
        """Removes it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._handle)


def _clear(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(handle)
