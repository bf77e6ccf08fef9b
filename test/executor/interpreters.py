"""Other Pythons that connectors may run on: those of ROWCAST_TEST_PYTHONS (paths, `:` between), else what is here."""

from __future__ import annotations

import functools
import glob
import os
import platform
import subprocess
from pathlib import Path

# What a reader needs; the executor itself is newer.
OLDEST = (3, 9)
PLACES = (
    "/usr/bin/python3.*",
    "/usr/local/bin/python3.*",
    "~/.pyenv/versions/*/bin/python3",
    "/opt/python/*/bin/python3",
)


@functools.cache
def others() -> dict[str, Path]:
    """Version to path; never this one's, each version once. A path of ROWCAST_TEST_PYTHONS that does not run fails."""
    given = os.environ.get("ROWCAST_TEST_PYTHONS")
    paths = given.split(os.pathsep) if given else [path for place in PLACES for path in sorted(_found(place))]
    own = platform.python_version()
    known: dict[str, Path] = {}
    for path in filter(None, paths):
        version = _version(path)
        if version is None:
            assert not given, f"ROWCAST_TEST_PYTHONS: {path} is no Python of version 3.9 or newer that runs"
        elif version != own:
            known.setdefault(version, Path(path).resolve())
    return known


def _found(place: str) -> list[str]:
    return [path for path in glob.glob(os.path.expanduser(place)) if os.access(path, os.X_OK)]


def _version(path: str) -> str | None:
    ask = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([path, "-I", "-c", ask], capture_output=True, text=True, timeout=20)
    except OSError:
        return None
    version = done.stdout.strip()
    fits = done.returncode == 0 and tuple(map(int, version.split(".")[:2])) >= OLDEST
    return version if fits else None
