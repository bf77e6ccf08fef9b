"""A real server on a free port of the loopback, real readers, a real client. Whoever leaves a process behind fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

import interpreters
from rowcast import _kin
from rowcast._bundles import identity
from rowcast._server import Server, Settings
from rowcast.v1 import executor_pb2 as pb
from rowcast.v1 import executor_pb2_grpc as pb_grpc

EXECUTOR = Path(__file__).resolve().parents[2] / "executor"
LIST_NOTHING = "\ndef list_objects(context, metadata):\n    return []\n"
READ_NOTHING = "\ndef read_bytes(context, metadata):\n    return b''\n"


@dataclass
class Read:
    """What a call of ReadFragments brought."""

    messages: list[pb.ReadFragmentsResponse] = field(default_factory=list)
    data: dict[int, bytes] = field(default_factory=dict)
    trailers: dict[int, pb.FragmentTrailer] = field(default_factory=dict)
    end: pb.ReadTrailer | None = None

    def add(self, message: pb.ReadFragmentsResponse) -> None:
        """Holds the link to its order: pieces of a fragment follow each other, and its trailer them."""
        assert self.end is None
        self.messages.append(message)
        for piece in message.pieces:
            assert piece.fragment not in self.trailers
            assert all(index in self.trailers for index in self.data if index < piece.fragment)
            self.data[piece.fragment] = self.data.get(piece.fragment, b"") + piece.data
            if piece.HasField("trailer"):
                assert not piece.data
                self.trailers[piece.fragment] = piece.trailer
        if message.HasField("trailer"):
            self.end = message.trailer

    def error(self, index: int = 0) -> pb.UserError:
        """Why a fragment failed."""
        assert self.trailers[index].HasField("error")
        return self.trailers[index].error


class Connector:
    """A connector's session."""

    def __init__(self, stub: Any, session: pb.SessionRef, code: str) -> None:
        self.stub = stub
        self.session = session
        self.code = code

    async def list(self, *, prefixes: bool = False) -> tuple[list[pb.Item], pb.ListTrailer]:
        """Items and trailer of a listing."""
        items: list[pb.Item] = []
        trailer: pb.ListTrailer | None = None
        async for page in self.stub.ListObjects(pb.ListObjectsRequest(session=self.session, prefixes=prefixes)):
            assert trailer is None
            assert len(page.items) <= 1000
            items += page.items
            trailer = page.trailer if page.HasField("trailer") else None
        assert trailer is not None
        assert trailer.complete is not trailer.HasField("error")
        return items, trailer

    async def list_error(self) -> pb.UserError:
        """Why the listing failed."""
        _, trailer = await self.list()
        assert not trailer.complete
        return trailer.error

    def start_read(self, items: Iterable[str | pb.Item], **options: Any) -> Any:
        """The call itself."""
        fragments = [item if isinstance(item, pb.Item) else pb.Item(name=item, fingerprint="1") for item in items]
        return self.stub.ReadFragments(pb.ReadFragmentsRequest(session=self.session, fragments=fragments, **options))

    async def read(self, *items: str | pb.Item, **options: Any) -> Read:
        """Reads these fragments; counts are checked against what came."""
        read = Read()
        async for message in self.start_read(items or ["f"], checksum=True, **options):
            read.add(message)
        assert read.end is not None
        assert read.end.fragments == len(read.trailers)
        assert read.end.bytes == sum(trailer.bytes for trailer in read.trailers.values())
        for index, trailer in read.trailers.items():
            assert trailer.bytes == len(read.data[index])
            assert trailer.start_unix_us > 1_700_000_000_000_000
        return read

    async def refresh(self) -> dict[str, bytes]:
        """Lists and reads everything; fails on any failure."""
        items, trailer = await self.list()
        assert trailer.complete, trailer
        read = await self.read(*items) if items else Read()
        assert not [t for t in read.trailers.values() if t.HasField("error")], read.trailers
        return {item.name: read.data[index] for index, item in enumerate(items)}

    async def close(self) -> None:
        """Ends the session."""
        await self.stub.CloseSession(pb.CloseSessionRequest(session=self.session))

    async def logs(self) -> list[pb.LogLine]:
        """Ends the session; all its lines, the last of them told while it ends."""
        hang_up = asyncio.Event()

        async def pings() -> AsyncIterator[pb.AttachRequest]:
            yield pb.AttachRequest(session=self.session)
            await hang_up.wait()

        attached = self.stub.Attach(pings())
        await attached.initial_metadata()
        await self.close()
        lines: list[pb.LogLine] = []
        try:
            async for message in attached:
                lines += message.logs
        finally:
            hang_up.set()
        return lines


class Harness:
    """A server and its client."""

    def __init__(self, port: int, home: Path, server: Any = None) -> None:
        # The server itself, when it runs in this process.
        self.server = server
        self.home = home
        self.address = f"127.0.0.1:{port}"
        self.channel = grpc.aio.insecure_channel(self.address, [("grpc.max_receive_message_length", 8 << 20)])
        self.stub: Any = pb_grpc.ExecutorServiceStub(self.channel)
        self._opened = 0

    async def put(self, files: dict[str, bytes], *, sha256: str | None = None, step: int = 1 << 20) -> str:
        """Sends a bundle."""
        wanted = sha256 or identity(files)

        async def parts() -> AsyncIterator[pb.PutBundleRequest]:
            yield pb.PutBundleRequest(header=pb.BundleHeader(sha256=wanted, bytes=sum(map(len, files.values()))))
            for path, data in files.items():
                for at in range(0, max(1, len(data)), step):
                    last = at + step >= len(data)
                    yield pb.PutBundleRequest(file=pb.BundleFile(path=path, data=data[at : at + step], last=last))

        return (await self.stub.PutBundle(parts())).sha256

    async def prepare(
        self, sha256: str, *, pip: Sequence[str] = (), lock: str = "", load: bool = False, code: str = "connector.py"
    ) -> list[pb.PrepareResponse]:
        """All its messages."""
        request = pb.PrepareRequest(bundle_sha256=sha256, pip=pip, lock=lock, code=code, load=load)
        return [message async for message in self.stub.Prepare(request)]

    async def load_error(self, source: str) -> pb.UserError:
        """Why a connector does not load."""
        last = (await self.prepare(await self.put({"connector.py": textwrap.dedent(source).encode()}), load=True))[-1]
        assert not last.environment_id
        return last.error

    async def open(
        self, source: str, *, files: dict[str, bytes] | None = None, environment_id: str = "", **options: Any
    ) -> Connector:
        """A session of a connector of this source; functions it lacks do nothing."""
        source = textwrap.dedent(source)
        source += LIST_NOTHING if "list_objects" not in source else ""
        source += READ_NOTHING if "read_bytes" not in source and "read_rows" not in source else ""
        sha256 = await self.put({"connector.py": source.encode(), **(files or {})})
        if not environment_id:
            environment_id = (await self.prepare(sha256))[-1].environment_id
        self._opened += 1
        request = pb.OpenSessionRequest(
            **{
                "idempotency_key": f"test-{self._opened}",
                "connector": "test",
                "bundle_sha256": sha256,
                "environment_id": environment_id,
                "code": "connector.py",
                "concurrency": 4,
                **options,
            }
        )
        return Connector(self.stub, (await self.stub.OpenSession(request)).session, source)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Overridden by tests that need others."""
    return Settings(listen="127.0.0.1:0", home=tmp_path)


@pytest.fixture
async def rowcast(settings: Settings) -> AsyncIterator[Harness]:
    """A running executor. Nothing of it may be left afterwards."""
    before = children()
    server = Server(settings)
    await server.start()
    harness = Harness(server.port, settings.home, server)
    yield harness
    await harness.channel.close()
    await server.stop()
    assert children() == before
    assert not list((settings.home / "scratch").iterdir())


class Live(Harness):
    """The same over an executor that is a process of its own, as it is for its users."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, home: Path, stderr: Path) -> None:
        super().__init__(port, home)
        self.process = process
        self.stderr = stderr

    def descendants(self) -> list[int]:
        """Its readers and what they started."""
        return _kin.tree([self.process.pid])[1:]

    def sockets(self) -> int:
        """Descriptors it has open, those of this client's connection included."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def python_for(uid: int) -> list[str]:
    """An interpreter with our packages that another user may run; this one may lie in a folder that is closed to it."""
    if not uid:
        return [sys.executable]
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        command = ["env", f"PYTHONPATH={os.pathsep.join(path for path in sys.path if path)}", python]
        probe = [*command, "-c", "import grpc, rowcast"]
        with contextlib.suppress(OSError):
            if not subprocess.run(probe, user=uid, group=uid, extra_groups=[], capture_output=True).returncode:
                return command
    pytest.skip(f"no interpreter here that user {uid} may run")


@pytest.fixture
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Callable[..., Any]]:
    """Starts executors: `await live("--profile", "pod", uid=10001, before=[program that starts it])`."""
    started: list[Live] = []

    async def start(*arguments: str, uid: int = 0, before: Sequence[str] = ()) -> Live:
        # Not below pytest's folder, which is its user's alone.
        home = Path(tempfile.mkdtemp(prefix="rowcast-test-"))
        os.chown(home, uid or -1, uid or -1)
        stderr = tmp_path_factory.mktemp("log") / "stderr"
        with stderr.open("wb") as file:
            process = subprocess.Popen(  # noqa: ASYNC220
                [
                    *before,
                    *python_for(uid),
                    "-m",
                    "rowcast",
                    "--listen",
                    "127.0.0.1:0",
                    "--home",
                    str(home),
                    *arguments,
                ],
                cwd=EXECUTOR,
                stdout=subprocess.PIPE,
                stderr=file,
                user=uid or None,
                group=uid or None,
                extra_groups=[] if uid else None,
            )
        line = await asyncio.to_thread(process.stdout.readline)
        assert line, stderr.read_text()
        started.append(Live(process, json.loads(line)["port"], home, stderr))
        return started[-1]

    yield start
    for executor in started:
        await executor.channel.close()
        executor.process.terminate()
        code = await asyncio.to_thread(executor.process.wait, 20)
        executor.process.stdout.close()
        assert code == 0
        assert not list((executor.home / "scratch").iterdir())
        shutil.rmtree(executor.home)


@pytest.fixture
async def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for several servers."""
    return tmp_path_factory.mktemp("home")


def children() -> set[int]:
    """Processes of ours that are alive."""
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
        return set(map(int, file.read().split()))


@pytest.fixture
def gone() -> Callable[[int], Any]:
    """Waits until a process has exited."""

    async def wait(pid: int) -> None:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        loop = asyncio.get_running_loop()
        exited = asyncio.Event()
        loop.add_reader(pidfd, exited.set)
        try:
            await asyncio.wait_for(exited.wait(), 10)
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)

    return wait


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Which other Pythons the reader was tried on: what is not installed is not tried."""
    ran = sorted(interpreters.others())
    also = f", and on {', '.join(ran)}" if ran else " alone"
    terminalreporter.write_line(f"readers ran on Python {platform.python_version()}{also}")
