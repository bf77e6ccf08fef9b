"""Every connector of support/hostile beside a healthy one, in a real executor: it gets its code, and nothing else
suffers, stays behind, or learns its secret."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rowcast.v1 import executor_pb2 as pb

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
    Case("threads_left"),
    Case("recursion", "read.failed", says="recursion"),
    Case("recursion_c", "read.crashed", says="SIGSEGV"),
    Case("empty_chunks", seconds=30),
    Case("raises_secret", "read.failed"),
    Case("raises_a_gigabyte", "read.failed", says="xxx"),
    Case("bad_str", "read.failed"),
    Case("bad_chunk", "read.bad_chunk", says="<Bad>"),
    Case("surrogate", "read.bad_chunk"),
    Case("stop_iteration", "read.failed"),
    Case("writes_to_socket", "read.corrupt"),
    Case("patches", data=None, limits=STALL),
    Case("changes_folder"),
    Case("leaves_files"),
    Case("daemons"),
    Case("deadlock_at_exit"),
    Case("own_folder_loop", "list.prefix_loop"),
    Case("huge_name", "list.bad_item"),
]
TRIED_ELSEWHERE = {"attacks", "network"}


def test_every_hostile_connector_has_its_case() -> None:
    assert {path.stem for path in HOSTILE.glob("*.py")} == {case.name for case in CASES} | TRIED_ELSEWHERE


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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_it_gets_its_code_and_harms_nobody(live, case: Case, tmp_path: Path) -> None:
    executor = await live("--profile", "workstation")
    stop = tmp_path / "stop"
    healthy = Healthy(await executor.open(HEALTHY.format(stop=str(stop))), stop)
    await healthy.comes_to(2)
    before = left(executor)

    source = (HOSTILE / f"{case.name}.py").read_text()
    connector = await executor.open(source, credentials=SECRET, limits=pb.Limits(**case.limits))
    started = time.monotonic()
    told: list[str] = []
    if case.code.startswith("list."):
        error = await asyncio.wait_for(connector.list_error(), case.seconds)
    else:
        read = await asyncio.wait_for(connector.read(), case.seconds)
        trailer = read.trailers[0]
        told.append(repr(read.data))
        if case.code == FINE and case.data is not None:
            assert not trailer.HasField("error"), trailer.error
            assert read.data == {0: case.data}
        error = trailer.error
    if case.code != FINE:
        assert (error.code, case.says in error.message or case.says in error.traceback) == (case.code, True), error
    told += [str(error), *(line.text for line in await connector.logs())]
    took = time.monotonic() - started

    # It serves, the other one streamed on meanwhile, and nothing of the hostile one is left.
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
    everything = "\n".join([*told, executor.stderr.read_text()])
    assert not [form for form in FORMS if form in everything]
    assert took < case.seconds + 5


async def test_a_refused_login_is_all_that_nats_has_for_it(live, tmp_path: Path) -> None:
    server = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if server is None:
        pytest.skip("no nats-server beside this interpreter")
    config = tmp_path / "nats.conf"
    config.write_text('host: "127.0.0.1"\nport: -1\nauthorization: {user: a, password: b}\n')
    ports = tmp_path / "ports"
    ports.mkdir()
    command = [server, "-c", str(config), "--ports_file_dir", str(ports)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        while not (files := list(ports.glob("*.ports"))) or not files[0].read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        port = int(json.loads(files[0].read_text())["nats"][0].rpartition(":")[2])
        executor = await live()
        connector = await executor.open((HOSTILE / "network.py").read_text(), credentials=json.dumps({"port": port}))
        assert b"Authorization Violation" in (await connector.read()).data[0]
    finally:
        process.terminate()
        process.wait()
