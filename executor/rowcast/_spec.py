"""What a reader is started with: interpreter, code, limits, environment variables. Knows no gRPC."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent
# All that a reader sees of our environment. Proxies and CA paths are settings of the executor's operator.
ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


@dataclass(frozen=True, kw_only=True)
class ReaderSpec:
    """What a reader is started with. `check`: a throw-away one, to see whether the connector loads."""

    python: Path
    bundle: Path
    code: str
    scratch: Path
    credentials: str = ""
    stall_seconds: float = 300.0
    fragment_bytes: int = 0
    memory_bytes: int = 0
    cpu_seconds: float = 0.0
    check: bool = False
    # type, function, code: rows in place of bytes.
    parser: dict[str, str] | None = None


def environment(scratch: str) -> dict[str, str]:
    """The environment variables of a reader."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    kept.setdefault("PATH", os.defpath)
    return {**kept, "TMPDIR": scratch}


def base_python() -> Path:
    """The interpreter this one's environment was made from: it does not see our packages."""
    return Path(str(getattr(sys, "_base_executable", sys.executable))).resolve()
