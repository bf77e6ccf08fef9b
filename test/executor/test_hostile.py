"""Every connector of support/hostile beside a healthy one, in a real executor: it gets its code, and nothing else
suffers, stays behind, or learns its secret."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rowcast.v1 import executor_pb2 as pb
from servers import nats, postgres

HOSTILE = Path(__file__).resolve().parents[1] / "support" / "hostile"
SECRET = "canary-7b1d-Zq/9 &secret"
FORMS = (SECRET, base64.b64encode(SECRET.encode()).decode().rstrip("="), "canary-7b1d")
HEALTHY = """
import os, time
def read_bytes(context, metadata):
    n = 0
    while not os.path.exists({stop!r}):
        yield b"%08d" % n * 1000
        n += 1
        time.sleep(0.005)
"""
FINE = ""


@dataclass
class Case:
    """What a connector gets; `code` empty: its data is `data`."""

    name: str
    code: str = FINE
    data: bytes | None = b"fine"
    says: str = ""
    limits: dict[str, int] = field(default_factory=dict)
    seconds: float = 10


STALL = {"stall_seconds": 1}
CASES = [
    Case("loop_python", "fragment.stalled", limits=STALL),
    Case("loop_gil", "fragment.stalled", limits=STALL),
    Case("sleeps", "fragment.stalled", limits=STALL),
    Case("stops_itself", "fragment.stalled", limits=STALL),
    Case("memory", "read.memory", limits={"memory_bytes": 128 << 20}),
    Case("memory_shared", "read.memory", "limits.memory", limits={"memory_bytes": 256 << 20}),
    Case("memory_children", "read.memory", "limits.memory", limits={"memory_bytes": 256 << 20}),
    Case("huge_chunk", "read.memory", limits={"memory_bytes": 128 << 20}),
    Case("fork_bomb", "read.limit", says="512", seconds=20),
    Case("thread_bomb", "read.limit", says="512"),
    Case("cpu", "read.limit", says="1 s of CPU", limits={"cpu_seconds": 1}),
    Case("os_exit", "read.exited"),
    Case("sys_exit", "read.exited"),
    Case("kills_itself", "read.crashed", says="SIGKILL"),
    Case("segfault", "read.crashed", says="SIGSEGV"),
    Case("closes_everything", "read.exited"),
    Case("prints_a_gigabyte", "fragment.stalled", limits={"stall_seconds": 3}),
    Case("prints_much"),
    Case("closes_streams"),
    Case("threads_left"),
    Case("recursion", "read.failed", says="recursion"),
    Case("recursion_c", "read.crashed", says="SIGSEGV"),
    Case("empty_chunks", seconds=30),
    Case("raises_secret", "read.failed"),
    Case("raises_a_gigabyte", "read.failed", says="xxx"),
    Case("bad_str", "read.failed"),
    Case("bad_chunk", "read.bad_chunk", says="<Bad>"),
    Case("surrogate", "read.bad_chunk"),
    Case("no_chunk", "read.bad_chunk", says="a int"),
    Case("stop_iteration", "read.failed"),
    Case("bare_stop_iteration", "read.failed", says="StopIteration"),
    Case("writes_to_socket", "read.corrupt"),
    Case("patches", data=None, limits=STALL),
    Case("changes_folder"),
    Case("leaves_files"),
    Case("daemons"),
    Case("deadlock_at_exit"),
    Case("own_folder_loop", "list.prefix_loop"),
    Case("lists_forever", "list.too_many", seconds=60),
    Case("huge_name", "list.bad_item"),
]
# By tests of their own, below; `attacks` in test_isolation.py.
TRIED_APART = {"attacks", "network", "postgres", "ignores_cancel", "writes_outside"}


def test_every_hostile_connector_has_its_case() -> None:
    assert {path.stem for path in HOSTILE.glob("*.py")} == {case.name for case in CASES} | TRIED_APART


class Healthy:
    """A session that streams all the while, and must not notice."""

    def __init__(self, connector, stop: Path) -> None:
        self._connector = connector
        self._stop = stop
        self.messages = 0
        self.longest = 0.0
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        data = bytearray()
        last = time.monotonic()
        async for message in self._connector.start_read(["f"]):
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now
            self.messages += 1
            for piece in message.pieces:
                data += piece.data
                if piece.HasField("trailer"):
                    return bytes(data), piece.trailer
        raise AssertionError("no trailer")

    async def comes_to(self, messages: int) -> None:
        """It streams on."""
        while self.messages < messages and not self._task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        self._stop.touch()
        data, trailer = await asyncio.wait_for(self._task, 15)
        assert not trailer.HasField("error"), trailer.error
        assert trailer.bytes == len(data)
        assert data == b"".join(b"%08d" % n * 1000 for n in range(len(data) // 8000))
        # A tick of 200 ms sends; more than seconds would be a reader that starves.
        assert self.longest < 5
        await self._connector.close()


def left(executor) -> tuple[set[int], int, set[str]]:
    """Processes, descriptors, shared memory."""
    return set(executor.descendants()), executor.sockets(), set(os.listdir("/dev/shm"))


class Told:
    """All that leaves the executor for a person: messages, lines, data; its own log is added at the end."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def add(self, *parts: object) -> None:
        self.parts += map(str, parts)


@contextlib.asynccontextmanager
async def beside_a_healthy_one(live, tmp_path: Path, profile: str = "workstation") -> AsyncGenerator[tuple]:
    """An executor with a session that streams. Afterwards it serves, that session has not noticed anything, nothing of
    the hostile one is left, and its secret is nowhere."""
    executor = await live("--profile", profile)
    stop = tmp_path / "stop"
    healthy = Healthy(await executor.open(HEALTHY.format(stop=str(stop))), stop)
    await healthy.comes_to(2)
    before = left(executor)
    told = Told()
    yield executor, told

    health = health_pb2_grpc.HealthStub(executor.channel)
    assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING
    await healthy.comes_to(healthy.messages + 2)
    for _ in range(60):
        if left(executor) == before:
            break
        await asyncio.sleep(0.05)
    assert left(executor) == before
    assert len(list((executor.home / "scratch").glob("*/*"))) == 1
    await healthy.end()
    everything = "\n".join([*told.parts, executor.stderr.read_text()])
    assert not [form for form in FORMS if form in everything]


async def listing_error(connector) -> pb.UserError:
    """Of a listing that may be long: its items are not kept."""
    request = pb.ListObjectsRequest(session=connector.session)
    async for page in connector.stub.ListObjects(request):
        if page.HasField("trailer"):
            assert not page.trailer.complete
            return page.trailer.error
    raise AssertionError("no trailer")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_it_gets_its_code_and_harms_nobody(live, case: Case, tmp_path: Path) -> None:
    async with beside_a_healthy_one(live, tmp_path) as (executor, told):
        source = (HOSTILE / f"{case.name}.py").read_text()
        connector = await executor.open(source, credentials=SECRET, limits=pb.Limits(**case.limits))
        started = time.monotonic()
        if case.code.startswith("list."):
            error = await asyncio.wait_for(listing_error(connector), case.seconds)
        else:
            read = await asyncio.wait_for(connector.read(), case.seconds)
            trailer = read.trailers[0]
            told.add(repr(read.data))
            if case.code == FINE and case.data is not None:
                assert not trailer.HasField("error"), trailer.error
                assert read.data == {0: case.data}
            error = trailer.error
        if case.code != FINE:
            assert (error.code, case.says in error.message or case.says in error.traceback) == (case.code, True), error
        told.add(error, *(line.text for line in await connector.logs()))
        assert time.monotonic() - started < case.seconds + 5


async def test_a_chunk_of_3_gb_is_cut_and_never_whole_in_the_supervisor(live, tmp_path: Path) -> None:
    async with beside_a_healthy_one(live, tmp_path) as (executor, _):
        peak = peak_mib(executor)
        # Room for the chunk itself: it is the size of a chunk that is tried, not of a reader.
        limits = pb.Limits(memory_bytes=5 << 30)
        connector = await executor.open((HOSTILE / "huge_chunk.py").read_text(), limits=limits)
        size = largest = 0
        trailer = None
        async for message in connector.start_read(["f"]):
            largest = max(largest, message.ByteSize())
            for piece in message.pieces:
                size += len(piece.data)
                trailer = piece.trailer if piece.HasField("trailer") else None
        assert trailer is not None
        assert not trailer.HasField("error"), trailer.error
        assert (size, trailer.bytes) == (3 << 30, 3 << 30)
        assert largest < 2 << 20
        # A few messages on their way, and what the allocator keeps of them.
        assert peak_mib(executor) - peak < 64
        await connector.close()


def peak_mib(executor) -> int:
    """The most memory that the supervisor has had, in MiB."""
    status = Path(f"/proc/{executor.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) >> 10


async def test_one_that_ignores_its_cancel_is_gone_with_all_it_started(live, tmp_path: Path) -> None:
    async with beside_a_healthy_one(live, tmp_path) as (executor, _):
        connector = await executor.open((HOSTILE / "ignores_cancel.py").read_text(), credentials=SECRET)
        call = connector.start_read(["f"])
        assert (await call.read()).pieces[0].data.startswith(b"begun")
        assert call.cancel()
        # And one whose session is closed in mid-read.
        call = connector.start_read(["f"])
        assert (await call.read()).pieces
        await connector.close()


@pytest.mark.parametrize("profile", ["pod", "workstation"])
async def test_nothing_is_written_outside_its_scratch_folder(live, tmp_path: Path, profile: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    async with beside_a_healthy_one(live, tmp_path, profile) as (executor, _):
        places = json.dumps({"home": str(executor.home), "outside": str(outside)})
        connector = await executor.open((HOSTILE / "writes_outside.py").read_text(), credentials=places)
        done = dict(line.split("\t") for line in (await connector.read()).data[0].decode().splitlines())
        await connector.close()
        assert len(done) == 19
        # On a workstation a connector may write what its user may; nowhere what is Rowcast's.
        allowed = {"scratch"} if profile == "pod" else {"scratch", "outside"}
        assert {name for name, outcome in done.items() if outcome == "done"} == allowed
        assert [path.name for path in outside.iterdir()] == (["rowcast-hostile"] if profile == "workstation" else [])


@pytest.mark.parametrize("profile", ["pod", "workstation"])
async def test_a_refused_login_is_all_that_nats_and_postgres_have_for_it(live, tmp_path: Path, profile: str) -> None:
    with nats(tmp_path) as nats_port, postgres(SECRET) as postgres_port:
        async with beside_a_healthy_one(live, tmp_path, profile) as (executor, told):
            for name, port, says in (
                ("network", nats_port, [b"Authorization Violation"]),
                ("postgres", postgres_port, [b"SASL", b"28P01"]),
            ):
                source = (HOSTILE / f"{name}.py").read_text()
                connector = await executor.open(source, credentials=json.dumps({"port": port}))
                data = (await connector.read()).data[0]
                told.add(data)
                for part, line in zip(says, data.split(b"\n"), strict=False):
                    assert part in line, data
                await connector.close()
