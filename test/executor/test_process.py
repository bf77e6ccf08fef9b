"""`python -m rowcast`, as its user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from rowcast._bundles import identity
from rowcast.v1 import executor_pb2 as pb
from rowcast.v1 import executor_pb2_grpc as pb_grpc

FOLDER = Path(__file__).resolve().parents[2] / "executor"
SOURCE = b"""
import os, time
def list_objects(context, metadata): return []
def read_bytes(context, metadata):
    print("working")
    yield str(os.getpid())
    while True:
        try: time.sleep(600)
        except BaseException: pass
"""


class Process:
    """A started executor."""

    def __init__(self, home: Path, *arguments: str, stdin: str | None = None) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "rowcast", "--home", str(home), *arguments],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.popen.stdin is not None
        if stdin is not None:
            self.popen.stdin.write(stdin)
            self.popen.stdin.flush()

    def port(self) -> int:
        line = json.loads(self.popen.stdout.readline())
        assert line["type"] == "listening"
        return line["port"]

    def end(self) -> tuple[int, str]:
        """Exit code and stderr."""
        _, err = self.popen.communicate(timeout=20)
        return self.popen.returncode, err


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    started: list[Process] = []

    def make(*arguments: str, stdin: str | None = None) -> Process:
        started.append(Process(tmp_path, *arguments, stdin=stdin))
        return started[-1]

    yield make
    for process in started:
        process.popen.kill()
        process.popen.communicate()


def hanging_reader(port: int, *, token: str | None = None) -> int:
    """Starts a reader that never ends by itself; its pid."""
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = pb_grpc.ExecutorServiceStub(channel)
        files = {"connector.py": SOURCE}
        header = pb.BundleHeader(sha256=identity(files), bytes=len(SOURCE))
        file = pb.BundleFile(path="connector.py", data=SOURCE, last=True)
        parts = [pb.PutBundleRequest(header=header), pb.PutBundleRequest(file=file)]
        stub.PutBundle(iter(parts), metadata=metadata)
        prepare = pb.PrepareRequest(bundle_sha256=header.sha256, code="connector.py")
        *_, last = stub.Prepare(prepare, metadata=metadata)
        opened = stub.OpenSession(
            pb.OpenSessionRequest(
                idempotency_key="k",
                bundle_sha256=header.sha256,
                environment_id=last.environment_id,
                code="connector.py",
            ),
            metadata=metadata,
        )
        request = pb.ReadFragmentsRequest(session=opened.session, fragments=[pb.Item(name="f")])
        message = next(iter(stub.ReadFragments(request, metadata=metadata)))
        return int(message.pieces[0].data)


def assert_gone(pid: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_readers(start, tmp_path: Path, number: signal.Signals) -> None:
    process = start("--listen", "127.0.0.1:0")
    pid = hanging_reader(process.port())
    process.popen.send_signal(number)
    code, err = process.end()
    assert code == 0
    assert_gone(pid)
    assert all(json.loads(line)["level"] == "info" for line in err.splitlines())
    assert not list((tmp_path / "scratch").iterdir())


def test_embedded_it_takes_its_token_from_stdin_and_ends_with_its_parent(start) -> None:
    process = start("--listen", "127.0.0.1:0", "--embedded", stdin="the token\n")
    pid = hanging_reader(process.port(), token="the token")
    process.popen.stdin.close()
    process.popen.stdin = None
    assert process.popen.wait(20) == 0
    assert_gone(pid)


def test_killed_outright_it_leaves_no_reader(start, gone, tmp_path: Path) -> None:
    import asyncio

    process = start("--listen", "127.0.0.1:0")
    pid = hanging_reader(process.port())
    process.popen.kill()
    asyncio.run(gone(pid))
    assert list((tmp_path / "scratch").iterdir())
    # The next start clears what was left.
    again = start("--listen", "127.0.0.1:0")
    again.port()
    again.popen.terminate()
    assert again.end()[0] == 0
    assert not list((tmp_path / "scratch").iterdir())


def test_a_token_file_is_what_callers_must_show(start, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from a file\n")
    port = start("--listen", "127.0.0.1:0", "--token-file", str(file)).port()
    assert hanging_reader(port, token="from a file")
    with pytest.raises(grpc.RpcError, match=r"executor\.denied"):
        hanging_reader(port)


def test_a_port_in_use_is_told_plainly_with_exit_3(start) -> None:
    port = start("--listen", "127.0.0.1:0").port()
    code, err = start("--listen", f"127.0.0.1:{port}").end()
    assert code == 3
    assert (
        err == f"rowcast: cannot listen on 127.0.0.1:{port}: the port is in use, or the address is not of this host\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen", "7400"],
        ["--listen", "127.0.0.1:x"],
        ["--listen", "127.0.0.1:0", "--token-file", "/nonexistent"],
        ["--listen", "127.0.0.1:0", "--token-file", "/dev/null"],
        [],
    ],
)
def test_wrong_usage_exits_2_and_says_why(start, arguments: list[str]) -> None:
    code, err = start(*arguments).end()
    assert code == 2
    assert "error: " in err


def test_help_has_an_example(start) -> None:
    process = start("--help")
    out, _ = process.popen.communicate()
    assert process.popen.returncode == 0
    assert "example:\n  python -m rowcast --listen" in out
