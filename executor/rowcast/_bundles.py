"""The connectors' code, by content: `HOME/bundles/<sha256>/`, verified, read-only. Knows no gRPC."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rowcast import _shelf
from rowcast._errors import BadRequest, BundleMissing

MAX_BYTES = 16 << 20
# Of all bundles together; each save of a file under `test --watch` makes another one.
SHELF_BYTES = 1 << 30
SHELF_BUNDLES = 2_000
# One that was looked for just now is about to be used.
SPARED_SECONDS = 600
MAX_FILES = 10_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Bundles:
    """A folder of bundles; those that were not used for longest make room, and are sent again when they are wanted."""

    def __init__(self, home: Path, *, max_bytes: int = SHELF_BYTES, spared_seconds: float = SPARED_SECONDS) -> None:
        self._folder = home / "bundles"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        self._spared_seconds = spared_seconds

    def find(self, sha256: str) -> Path:
        """Where a bundle is; BundleMissing."""
        if not _SHA256.fullmatch(sha256):
            raise BadRequest("bundle_sha256 is not 64 hex digits")
        path = self._folder / sha256
        self.hold(sha256)()
        return path

    def hold(self, sha256: str) -> Callable[[], None]:
        """Keeps a bundle while in use; gives what lets go. BundleMissing."""
        try:
            return _shelf.hold(self._folder / sha256)
        except FileNotFoundError:
            raise BundleMissing(f"bundle {sha256[:12]} is not here") from None

    def file(self, sha256: str, code: str) -> Path:
        """The bundle, when it holds the connector's file `code`."""
        bundle = self.find(sha256)
        check_path(code)
        if not (bundle / code).is_file():
            raise BadRequest(f"the bundle has no file {code!r}")
        return bundle

    def store(self, sha256: str, files: Mapping[str, bytes]) -> None:
        """Verifies and keeps a bundle. Written aside and renamed: it is there whole, or not at all."""
        if identity(files) != sha256:
            raise BadRequest("the bundle's content is not what its hash says")
        target = self._folder / sha256
        if target.is_dir():
            return
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            for path, data in files.items():
                file = aside / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
                file.chmod(0o444)
            for folder, _, _ in os.walk(aside):
                os.chmod(folder, 0o555)
            try:
                aside.rename(target)
            except OSError:
                # Another call was faster with the same content.
                if not target.is_dir():
                    raise
        finally:
            _shelf.remove(aside)
        self._make_room()

    def _make_room(self) -> None:
        known: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                known.append((path.stat().st_mtime, _size(path), path))
        total, count = sum(size for _, size, _ in known), len(known)
        spared = time.time() - self._spared_seconds
        for used, size, path in sorted(known):
            if used > spared or (total <= self._max_bytes and count <= SHELF_BUNDLES):
                break
            if _shelf.remove_unused(path):
                total -= size
                count -= 1


def _size(path: Path) -> int:
    return sum(os.stat(os.path.join(folder, file)).st_size for folder, _, files in os.walk(path) for file in files)


class Incoming:
    """A bundle on its way in."""

    def __init__(self, sha256: str, size: int) -> None:
        if not _SHA256.fullmatch(sha256):
            raise BadRequest("the header's sha256 is not 64 hex digits")
        if size > MAX_BYTES:
            raise BadRequest(f"the bundle is {size:,} bytes; at most {MAX_BYTES:,}")
        self.sha256 = sha256
        self._announced = size
        self._size = 0
        self._open: str | None = None
        self._files: dict[str, bytearray] = {}

    def add(self, path: str, data: bytes, *, last: bool) -> None:
        """The next bytes of a file."""
        if path != self._open:
            check_path(path)
            if self._open is not None or path in self._files:
                raise BadRequest(f"the file {path!r} came before the one ahead of it had ended, or twice")
            if len(self._files) >= MAX_FILES:
                raise BadRequest(f"the bundle has more than {MAX_FILES:,} files")
            self._files[path] = bytearray()
        self._size += len(data)
        if self._size > self._announced:
            raise BadRequest("the bundle is larger than its header says")
        self._files[path] += data
        self._open = None if last else path

    def files(self) -> dict[str, bytes]:
        """All of them, once complete."""
        if self._open is not None or self._size != self._announced:
            raise BadRequest("the bundle is not complete")
        return {path: bytes(data) for path, data in self._files.items()}


def identity(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the lines "<path>\\0<sha256 of the file, hex>\\n", sorted by path's bytes."""
    digest = hashlib.sha256()
    for path in sorted(files, key=str.encode):
        digest.update(path.encode() + b"\0" + hashlib.sha256(files[path]).hexdigest().encode() + b"\n")
    return digest.hexdigest()


def check_path(path: str) -> None:
    """BadRequest unless it is relative and stays inside."""
    parts = path.split("/")
    if (
        not path
        or "\0" in path
        or "\\" in path
        or any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts)
    ):
        raise BadRequest(f"the path {path[:200]!r} leaves the bundle or is not relative")
