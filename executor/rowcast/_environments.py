"""The connectors' pip environments: `HOME/environments/<id>/`, built once, then read-only. Knows no gRPC.

`id` is the SHA-256 of the lock, the interpreter, the platform and the index setting. Without packages there is nothing
to build: the base interpreter itself is the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import re
import sys
import sysconfig
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rowcast._errors import BadRequest, EnvironmentMissing
from rowcast._shelf import Shelf, aside, clear
from rowcast._spec import base_python
from rowcast._uv import Uv

log = logging.getLogger("rowcast")
# All environments together; one in use is never given up.
MAX_BYTES = 10 << 30
# Stage and message, for a person.
Progress = Callable[[str, str], Awaitable[None]]
Told = Callable[[str], None]
Made = TypeVar("Made")
_ID = re.compile(r"[0-9a-f]{64}")
_INDEX_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A ready one. `lock`: requirements with hashes, empty without packages."""

    id: str
    lock: str
    python: Path


class Environments:
    """A folder of environments and of resolved locks."""

    def __init__(self, home: Path, *, uv: Uv | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._folder = home / "environments"
        self._locks = home / "locks"
        self._cache = home / "cache" / "uv"
        for folder in (self._locks, self._cache):
            folder.mkdir(parents=True, exist_ok=True)
        self._shelf = Shelf(self._folder, max_bytes=max_bytes)
        clear(self._locks)
        self._uv = uv or Uv()
        self._base = base_python()
        self._building: dict[str, asyncio.Lock] = {}

    def hold(self, environment_id: str) -> Callable[[], None]:
        """Keeps it from being given up while it is in use; gives what lets go. EnvironmentMissing."""
        if environment_id == self._id(""):
            return lambda: None
        try:
            return self._shelf.hold(environment_id)
        except FileNotFoundError:
            raise EnvironmentMissing(f"environment {environment_id[:12]} is not here") from None

    async def lock(self, pip: Sequence[str]) -> str:
        """Requirements with hashes for every platform, for `connector.lock`; nothing is installed, nothing kept."""
        return await self._compile(pip, "--universal") if pip else ""

    def find(self, environment_id: str) -> Path:
        """The interpreter of an environment; EnvironmentMissing."""
        if environment_id == self._id(""):
            return self._base
        if not _ID.fullmatch(environment_id):
            raise BadRequest("environment_id is not one that Prepare gave")
        python = self._python(self._folder / environment_id)
        if not python.exists():
            raise EnvironmentMissing(f"environment {environment_id[:12]} is not here")
        return python

    def cached(self, *, pip: Sequence[str], lock: str) -> bool:
        """True when `prepare` would find it: nothing to resolve, nothing to build."""
        if not lock.strip() and pip:
            known = self._locks / f"{self._key(pip)}.txt"
            if not known.exists():
                return False
            lock = known.read_text()
        return not lock.strip() or self._python(self._folder / self._id(lock)).exists()

    async def prepare(self, *, pip: Sequence[str], lock: str, progress: Progress) -> Environment:
        """Finds or builds. AuthorFailure: `environment.failed`, `environment.lock_mismatch`."""
        if not lock.strip():
            lock = await self._resolve(pip, progress) if pip else ""
        name = self._id(lock)
        if not lock:
            return Environment(id=name, lock="", python=self._base)
        target = self._folder / name
        if not self._python(target).exists():
            async with self._once(name, progress):
                if not self._python(target).exists():
                    count = sum(
                        "==" in line or " @ " in line for line in lock.splitlines() if not line.startswith((" ", "#"))
                    )
                    await progress("install", f"installing {count} package{'s' * (count != 1)}")
                    await _news("install", progress, lambda told: self._build(name, lock, told))
        return Environment(id=name, lock=lock, python=self._python(target))

    async def _resolve(self, pip: Sequence[str], progress: Progress) -> str:
        key = self._key(pip)
        known = self._locks / f"{key}.txt"
        # Resolved once: the next refresh needs no network, and gets the same packages.
        if known.exists():
            return known.read_text()
        async with self._once(key, progress):
            if known.exists():
                return known.read_text()
            await progress("resolve", f"resolving {len(pip)} requirement{'s' * (len(pip) != 1)}")
            lock = await _news("resolve", progress, lambda told: self._compile(pip, told=told))
            with aside(self._locks) as made:
                (made / "lock").write_text(lock)
                (made / "lock").rename(known)
        return lock

    async def _compile(self, pip: Sequence[str], *options: str, told: Told = lambda line: None) -> str:
        with aside(self._locks) as made:
            return await self._uv.run(
                *("pip", "compile", "-", "--generate-hashes", "--no-header", "--no-annotate"),
                *("--python", str(self._base), *options),
                stdin="\n".join(pip) + "\n",
                cache=self._cache,
                cwd=made,
                told=told,
            )

    async def _build(self, name: str, lock: str, told: Told) -> None:
        with aside(self._folder) as folder:
            file = folder / "requirements.txt"
            file.write_text(lock)
            made = folder / "environment"
            await self._uv.run(
                *("venv", str(made), "--python", str(self._base), "--relocatable", "--no-project", "--quiet"),
                cache=self._cache,
                cwd=folder,
            )
            # Compiled now: readers write nothing, and would compile anew at each start.
            await self._uv.run(
                *("pip", "sync", str(file), "--require-hashes", "--compile-bytecode"),
                *("--python", str(self._python(made))),
                cache=self._cache,
                cwd=folder,
                told=told,
            )
            await asyncio.to_thread(self._shelf.put, made, name)
        for gone in await asyncio.to_thread(self._shelf.make_room, keep=name):
            log.info("environment %s was given up: the others need its place", gone[:12])

    @contextlib.asynccontextmanager
    async def _once(self, name: str, progress: Progress) -> AsyncGenerator[None]:
        """One at a time per name, over all calls of this process and all processes of this home; the others follow."""
        building = self._building.setdefault(name, asyncio.Lock())
        if building.locked():
            await progress("wait", "another session makes the same environment now; this one follows")
        async with building:
            handle = os.open(self._locks / f"{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                while True:
                    try:
                        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except BlockingIOError:
                        # Another process builds. Waiting in a thread would not notice a cancel.
                        await asyncio.sleep(0.1)
                yield
            finally:
                os.close(handle)

    @staticmethod
    def _python(environment: Path) -> Path:
        return environment / "bin" / "python"

    def _key(self, pip: Sequence[str]) -> str:
        return _digest("\n".join(pip), *self._machine())

    def _id(self, lock: str) -> str:
        return _digest(lock, *self._machine())

    def _machine(self) -> tuple[str, ...]:
        index = (os.environ.get(name, "") for name in _INDEX_SETTINGS)
        return (sys.version, str(self._base), sysconfig.get_platform(), *index, *filter(None, [self._uv.index_url]))


async def _news(stage: str, progress: Progress, work: Callable[[Told], Awaitable[Made]]) -> Made:
    """Runs uv, and tells what it says of its progress while it works."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    async def tell() -> None:
        while (line := await lines.get()) is not None:
            await progress(stage, line)

    telling = asyncio.create_task(tell())
    try:
        made = await work(lines.put_nowait)
        lines.put_nowait(None)
        await telling
        return made
    finally:
        telling.cancel()


def _digest(*parts: str) -> str:
    return hashlib.sha256(b"\0".join(part.encode() for part in parts)).hexdigest()
