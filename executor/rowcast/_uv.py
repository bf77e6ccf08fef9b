"""Runs uv, and says why it failed in its own words. Knows no gRPC."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import uv

from rowcast._errors import AuthorFailure, author_failure

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


async def run(*arguments: str, cache: Path, cwd: Path, stdin: str = "") -> str:
    """What uv printed; AuthorFailure with its explanation. Killed with the caller."""
    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={
            **{name: value for name, value in os.environ.items() if name not in _NOT_PASSED},
            "UV_CACHE_DIR": str(cache),
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "NO_COLOR": "1",
        },
    )
    try:
        out, err = await process.communicate(stdin.encode())
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise failure(err.decode("utf-8", "replace"))
    return out.decode()


def failure(said: str) -> AuthorFailure:
    """`environment.failed`, retryable when the network was in the way; `environment.lock_mismatch`."""
    text = _USERINFO.sub("://[secret]@", said).strip()
    if len(text) > EXPLANATION_BYTES:
        text = text[: EXPLANATION_BYTES // 3] + "\n…\n" + text[-EXPLANATION_BYTES * 2 // 3 :]
    if _HASH.search(said):
        return author_failure("environment.lock_mismatch", f"the packages are not those of connector.lock:\n{text}")
    retryable = _NETWORK.search(said) is not None
    return author_failure("environment.failed", f"the packages cannot be installed:\n{text}", retryable=retryable)
