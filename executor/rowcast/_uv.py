"""Runs uv, shut in like a reader, and says why it failed in its own words. Knows no gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import uv

from rowcast._errors import AuthorFailure, author_failure
from rowcast._isolation import Isolation
from rowcast._orphans import Orphans
from rowcast._spec import PACKAGE, base_python

EXPLANATION_BYTES = 3000
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

    async def run(self, *arguments: str, cache: Path, cwd: Path, stdin: str = "") -> str:
        """What uv printed; AuthorFailure with its explanation. Killed with the caller."""
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
        talking = asyncio.create_task(asyncio.to_thread(process.communicate, stdin.encode()))
        try:
            out, err = await asyncio.shield(talking)
        except BaseException:
            _kill(process)
            await talking
            raise
        finally:
            # What a build left running.
            _kill(process)
            self.orphans.ended(process.pid)
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
    text = _USERINFO.sub("://[secret]@", said).strip()
    # Promise 10: nor in any other form.
    for part in {secret, secret.partition(":")[2]} - {""}:
        text = text.replace(part, "[secret]").replace(quote(part, safe=""), "[secret]")
    if len(text) > EXPLANATION_BYTES:
        text = text[: EXPLANATION_BYTES // 3] + "\n…\n" + text[-EXPLANATION_BYTES * 2 // 3 :]
    if _HASH.search(said):
        return author_failure("environment.lock_mismatch", f"the packages are not those of connector.lock:\n{text}")
    retryable = _NETWORK.search(said) is not None
    return author_failure("environment.failed", f"the packages cannot be installed:\n{text}", retryable=retryable)
