"""Prefixes that wait to be listed: a stack that moves its bottom to disk."""

from __future__ import annotations

import pickle
from typing import IO, Any

from .items import Listed

# Over this many the older half goes to a file; at 64 KiB each they would fill the reader's memory (promise 5).
IN_MEMORY = 10_000


class Waiting:
    """Last in, first out: (depth, item)."""

    def __init__(self) -> None:
        self._memory: list[tuple[int, bytes, bytes | None, bytes]] = []
        self._file: IO[bytes] | None = None
        self._segments: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._memory or self._segments)

    def push(self, depth: int, item: Listed) -> None:
        """Puts one on top."""
        self._memory.append((depth, item.name, item.fingerprint, item.extra))
        if len(self._memory) > IN_MEMORY:
            self._spill()

    def pop(self) -> tuple[int, Listed]:
        """Takes the top one."""
        if not self._memory:
            self._load()
        depth, name, fingerprint, extra = self._memory.pop()
        return depth, Listed(name, fingerprint, extra, True)

    def close(self) -> None:
        """Gives the file back."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile()  # noqa: SIM115
        half = IN_MEMORY // 2
        self._segments.append(self._file.tell())
        pickle.dump(self._memory[:half], self._file, protocol=4)
        del self._memory[:half]

    def _load(self) -> None:
        file: Any = self._file
        start = self._segments.pop()
        file.seek(start)
        self._memory = pickle.load(file)
        file.seek(start)
        file.truncate()
