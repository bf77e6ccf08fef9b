"""Runs uv, shut in like a reader, and says why it failed in its own words. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import selectors
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import uv

from rowcast._errors import AuthorFailure, author_failure
from rowcast._isolation import Isolation
from rowcast._orphans import Orphans
from rowcast._spec import PACKAGE, base_python

EXPLANATION_BYTES = 3000
# Of what uv says, which may repeat all that a build printed: its head, and as much of its end.
_KEPT_BYTES = 64 << 10
_LOCK_BYTES = 16 << 20
# What it printed last is read for so long after its end.
_LINGER_SECONDS = 1.0
# Compiling a large package takes minutes, and may say nothing all the while.
LIMIT_SECONDS = 3600.0
# Lines that tell how far it is, as in "Downloading numpy (16.1MiB)"; a build could print as many as it likes.
_PROGRESS = re.compile(r"\s*(Resolved|Downloading|Building|Built|Prepared|Installed|Bytecode compiled)\b.{0,200}")
_MOST_PROGRESS = 500
# Each would point uv at another environment than the one it is told to make.
_NOT_PASSED = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "PYTHONPATH",
    "PYTHONHOME",
)
_NETWORK = re.compile(
    r"error sending request|dns error|failed to lookup address|connection (refused|reset|closed)|tcp connect error"
    r"|timed out|network (is|was) (unreachable|disabled)|HTTP status server error|HTTP status client error \(429",
    re.IGNORECASE,
)
_HASH = re.compile(
    r"hash mismatch|hashes? (are|were) (missing|required)|requires hashes|`--require-hashes`", re.IGNORECASE
)
_USERINFO = re.compile(r"://[^/@\s]+@")


@dataclass(frozen=True, kw_only=True)
class Uv:
    """The operator's choices. `index_url`: in place of the public index; `index_credentials`: a file whose first line
    is `user:password` or a token, read anew at each run; `builds`: whether packages may be built from source."""

    isolation: Isolation = field(default_factory=lambda: Isolation(profile="workstation"))
    orphans: Orphans = field(default_factory=Orphans)
    index_url: str = ""
    index_credentials: Path | None = None
    builds: bool = True
    limit_seconds: float = LIMIT_SECONDS

    async def run(
        self,
        *arguments: str,
        cache: Path,
        cwd: Path,
        stdin: str = "",
        told: Callable[[str], None] = lambda line: None,
    ) -> str:
        """What uv printed; AuthorFailure with its explanation. Killed with the caller. `told`: how far it is, line by
        line."""
        secret = self._secret()
        own = {"UV_CACHE_DIR": str(cache), "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
        if self.index_url:
            own["UV_DEFAULT_INDEX"] = _with_credentials(self.index_url, secret)
        if arguments[0] == "pip" and not self.builds:
            arguments = (*arguments, "--no-build")
        settings = self.isolation.for_build(readable=[base_python().parent], writable=[cwd, cache])
        process = subprocess.Popen(  # noqa: ASYNC220  # on the main thread, and known before the next look at orphans
            [
                *(str(base_python()), "-I", str(PACKAGE / "_child" / "__main__.py"), "confine", json.dumps(settings)),
                *(uv.find_uv_bin(), *arguments),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=cwd,
            env={
                **{name: value for name, value in os.environ.items() if name not in _NOT_PASSED},
                **own,
                "TMPDIR": str(cwd),
            },
        )
        self.orphans.started(process.pid)
        loop = asyncio.get_running_loop()

        heard = itertools.count()

        def hear(line: bytes) -> None:
            if next(heard) < _MOST_PROGRESS and _PROGRESS.fullmatch(
                text := _shown(line.decode("utf-8", "replace").rstrip(), secret)
            ):
                loop.call_soon_threadsafe(told, text.strip())

        talking = asyncio.create_task(asyncio.to_thread(_talk, process, stdin.encode(), hear))
        try:
            async with asyncio.timeout(self.limit_seconds):
                out, err = await asyncio.shield(talking)
        except TimeoutError:
            _kill(process)
            await talking
            message = f"the packages were not ready after {self.limit_seconds:g} s: is one of them built without end?"
            raise author_failure("environment.failed", message) from None
        except BaseException:
            _kill(process)
            await talking
            raise
        finally:
            # What a build left running.
            _kill(process)
            self.orphans.ended(process.pid)
            await self.orphans.bury(str(cwd))
        if process.returncode:
            raise failure(err.decode("utf-8", "replace"), secret=secret)
        return out.decode()

    def _secret(self) -> str:
        if self.index_credentials is None:
            return ""
        try:
            return self.index_credentials.read_text().partition("\n")[0].strip()
        except OSError as error:
            message = f"the index's credentials cannot be read: {error.strerror} ({self.index_credentials})"
            raise author_failure("environment.failed", message, retryable=True) from None


def _talk(process: subprocess.Popen[bytes], given: bytes, hear: Callable[[bytes], None]) -> tuple[bytes, bytes]:
    """What it printed to both streams, bounded, whatever a build in it does; in a thread of its own."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(given)
    out, said = bytearray(), _Said(hear)
    left = _LINGER_SECONDS
    with process.stdout, process.stderr, selectors.DefaultSelector() as streams:
        streams.register(process.stdout, selectors.EVENT_READ, out.extend)
        streams.register(process.stderr, selectors.EVENT_READ, said.extend)
        # A build's daemon may hold them open, and print, for ever.
        while streams.get_map() and left > 0 and len(out) < _LOCK_BYTES:
            ready = streams.select(0.1)
            left -= 0.1 if process.poll() is not None else 0
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                key.data(data)
                if not data:
                    streams.unregister(key.fileobj)
    process.wait()
    return bytes(out), said.text()


class _Said:
    """The head and the end of what uv said."""

    def __init__(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear
        self._line = b""
        self._head, self._tail = bytearray(), bytearray()

    def extend(self, data: bytes) -> None:
        """The next bytes of it."""
        *lines, self._line = (self._line + data)[-_KEPT_BYTES:].split(b"\n")
        for line in lines:
            self._hear(line)
        room = max(0, _KEPT_BYTES - len(self._head))
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[:-_KEPT_BYTES]

    def text(self) -> bytes:
        """Both."""
        return bytes(self._head + self._tail)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _with_credentials(url: str, secret: str) -> str:
    if not secret:
        return url
    parts = urlsplit(url)
    user, colon, password = secret.partition(":")
    # A token alone goes where indexes expect it.
    userinfo = f"{quote(user, safe='')}:{quote(password, safe='')}" if colon else f"__token__:{quote(user, safe='')}"
    return parts._replace(netloc=f"{userinfo}@{parts.netloc.rpartition('@')[2]}").geturl()


def failure(said: str, *, secret: str = "") -> AuthorFailure:
    """`environment.failed`, retryable when the network was in the way; `environment.lock_mismatch`."""
    text = _shown(said, secret).strip()
    if len(text) > EXPLANATION_BYTES:
        text = text[: EXPLANATION_BYTES // 3] + "\n…\n" + text[-EXPLANATION_BYTES * 2 // 3 :]
    if _HASH.search(said):
        return author_failure("environment.lock_mismatch", f"the packages are not those of connector.lock:\n{text}")
    retryable = _NETWORK.search(said) is not None
    return author_failure("environment.failed", f"the packages cannot be installed:\n{text}", retryable=retryable)


def _shown(text: str, secret: str) -> str:
    """Promise 10: without what stands in addresses, nor in any other form."""
    text = _USERINFO.sub("://[secret]@", text)
    for part in {secret, secret.partition(":")[2]} - {""}:
        text = text.replace(part, "[secret]").replace(quote(part, safe=""), "[secret]")
    return text
