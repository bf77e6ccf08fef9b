"""The executor as a service: it drains, it refuses what is too much, it knows its callers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from rowcast._errors import Usage
from rowcast._server import Server, Settings
from rowcast._tls import Tls
from rowcast.v1 import executor_pb2 as pb
from rowcast.v1 import executor_pb2_grpc as pb_grpc

SLOW = """
import os, time
def read_bytes(context, metadata):
    yield b"begun"
    while not os.path.exists({stop!r}): time.sleep(0.02)
    yield b", ended"
"""
SERVICE = "rowcast.v1.ExecutorService"


async def health(channel: grpc.aio.Channel, service: str) -> int:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return answer.status


async def begun(executor, stop: Path):
    """A read under way, its session attached."""
    connector = await executor.open(SLOW.format(stop=str(stop)))
    hang_up = asyncio.Event()

    async def pings():
        yield pb.AttachRequest(session=connector.session)
        await hang_up.wait()

    attached = executor.stub.Attach(pings())
    await attached.initial_metadata()
    call = connector.start_read(["f"])
    assert (await call.read()).pieces[0].data == b"begun"
    return connector, call, attached, hang_up


async def test_a_drain_lets_reads_end_and_sends_everybody_else_away(live, tmp_path: Path) -> None:
    executor = await live("--profile", "workstation", "--drain-seconds", "20")
    stop = tmp_path / "stop"
    connector, call, attached, hang_up = await begun(executor, stop)
    before = time.time()
    executor.process.send_signal(signal.SIGTERM)
    told = await attached.read()
    assert before + 19 < told.draining.deadline_unix_us / 1e6 < time.time() + 21
    assert await health(executor.channel, SERVICE) == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await health(executor.channel, "") == health_pb2.HealthCheckResponse.SERVING
    assert (await executor.stub.GetInfo(pb.GetInfoRequest())).draining
    with pytest.raises(grpc.aio.AioRpcError, match=r"executor\.draining: ") as refused:
        await executor.open("def read_bytes(c, m): return b''\n")
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    # The session itself goes on: what it has not handed out yet is its owner's choice.
    stop.touch()
    data = b""
    while (message := await call.read()) is not grpc.aio.EOF:
        data += b"".join(piece.data for piece in message.pieces)
    assert data == b", ended"
    await connector.close()
    hang_up.set()
    started = time.monotonic()
    assert await asyncio.to_thread(executor.process.wait, 10) == 0
    assert time.monotonic() - started < 5


async def test_a_drain_has_an_end(live, tmp_path: Path) -> None:
    executor = await live("--profile", "workstation", "--drain-seconds", "1")
    await begun(executor, tmp_path / "never")
    started = time.monotonic()
    executor.process.terminate()
    assert await asyncio.to_thread(executor.process.wait, 15) == 0
    assert 1 <= time.monotonic() - started < 8


async def test_a_second_signal_waits_for_nothing(live, tmp_path: Path) -> None:
    executor = await live("--profile", "workstation")
    _, _, attached, _ = await begun(executor, tmp_path / "never")
    executor.process.terminate()
    await attached.read()
    executor.process.terminate()
    assert await asyncio.to_thread(executor.process.wait, 10) == 0


@pytest.mark.parametrize("limit", ["--max-sessions", "--max-readers"])
async def test_more_sessions_or_readers_than_may_be_are_refused(live, limit: str) -> None:
    executor = await live(limit, "1")
    source = "def read_bytes(c, m):\n    if m['name'] == 'bad': raise ValueError\n    return b'x'\n"
    first = await executor.open(source)
    # One that failed makes room for the next.
    assert (await first.read("bad", "good")).data[1] == b"x"
    with pytest.raises(grpc.aio.AioRpcError, match=r"executor\.busy: ") as refused:
        await executor.open(source)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await first.close()
    assert (await (await executor.open(source)).read()).data == {0: b"x"}


def certificate(folder: Path, name: str, ca: str | None) -> None:
    """A key and what signs it, by openssl."""
    key, request, out = folder / f"{name}.key", folder / f"{name}.csr", folder / f"{name}.pem"
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"]
    if ca is None:
        command = [*new, "-x509", "-days", "1", "-keyout", str(key), "-out", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        return
    subprocess.run([*new, "-keyout", str(key), "-out", str(request)], check=True, capture_output=True)
    names = folder / "names"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    signer = ["-CA", str(folder / f"{ca}.pem"), "-CAkey", str(folder / f"{ca}.key"), "-CAcreateserial"]
    command = ["openssl", "x509", "-req", "-in", str(request), "-days", "1", "-out", str(out), *signer]
    subprocess.run([*command, "-extfile", str(names)], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here to make certificates")
async def test_both_sides_show_a_certificate_and_a_changed_one_counts(tmp_path: Path) -> None:
    for name, ca in (("ca", None), ("server", "ca"), ("client", "ca"), ("other", None), ("stranger", "other")):
        certificate(tmp_path, name, ca)
    paths = {"certificate": tmp_path / "server.pem", "key": tmp_path / "server.key", "client_ca": tmp_path / "ca.pem"}
    settings = Settings(listen="127.0.0.1:0", home=tmp_path / "home", tls=Tls(**paths), health_listen="127.0.0.1:0")
    server = Server(settings)
    await server.start()

    async def ask(name: str | None, trusted: str = "ca") -> str:
        pair = [(tmp_path / f"{name}.key").read_bytes(), (tmp_path / f"{name}.pem").read_bytes()] if name else []
        credentials = grpc.ssl_channel_credentials((tmp_path / f"{trusted}.pem").read_bytes(), *pair)
        async with grpc.aio.secure_channel(f"localhost:{server.port}", credentials) as channel:
            try:
                await pb_grpc.ExecutorServiceStub(channel).GetInfo(pb.GetInfoRequest(), timeout=5)
            except grpc.aio.AioRpcError as error:
                return error.code().name
            return "answered"

    assert await ask("client") == "answered"
    assert await ask("stranger") != "answered"
    assert await ask(None) != "answered"
    # Probes speak no TLS, and see health alone.
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.health_port}") as channel:
        assert await health(channel, SERVICE) == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await pb_grpc.ExecutorServiceStub(channel).GetInfo(pb.GetInfoRequest())
        assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    # Another authority on both sides, without a restart.
    for made, name in (("stranger", "server"), ("other", "ca")):
        os.replace(tmp_path / f"{made}.pem", tmp_path / f"{name}.pem")
        if made == "stranger":
            shutil.copy(tmp_path / "stranger.key", tmp_path / "server.key")
    shutil.copy(tmp_path / "server.pem", tmp_path / "stranger.pem")
    assert await ask("stranger") == "answered"
    assert await ask("client") != "answered"
    await server.stop()


def refused(*arguments: str) -> str:
    """What it says to options that it does not take."""
    command = [sys.executable, "-m", "rowcast", "--home", "x", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2] / "executor", timeout=30
    )
    assert done.returncode == 2, done
    assert not done.stdout
    return done.stderr


def test_tls_wants_all_its_files_and_each_a_good_one(tmp_path: Path) -> None:
    for name, ca in (("ca", None), ("server", "ca"), ("other", "ca")):
        certificate(tmp_path, name, ca)
    (tmp_path / "text").write_text("no certificate")

    def with_files(cert: str, key: str, ca: str) -> str:
        files = [str(tmp_path / name) for name in (cert, key, ca)]
        options = zip(("--tls-cert", "--tls-key", "--tls-client-ca"), files, strict=True)
        return refused("--listen", "127.0.0.1:0", *(part for pair in options for part in pair))

    assert "go together" in refused("--listen", "127.0.0.1:0", "--tls-key", "y")
    assert "nowhere" in with_files("nowhere", "server.key", "ca.pem")
    assert "do not belong together" in with_files("server.pem", "other.key", "ca.pem")
    assert "are not two PEM files" in with_files("text", "server.key", "ca.pem")
    assert "text holds no PEM certificate" in with_files("server.pem", "server.key", "text")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "executor.example:0", "10.0.0.1:7400"])
def test_plain_text_stays_on_this_host_unless_it_is_asked_for(address: str) -> None:
    said = refused("--listen", address)
    assert "--tls-cert" in said
    assert "--insecure" in said


@pytest.mark.parametrize("address", ["7400", "127.0.0.1:", "127.0.0.1:70000", "unix:socket"])
def test_what_is_no_address_is_named(address: str) -> None:
    assert address in refused("--listen", address)


async def test_it_listens_elsewhere_when_it_is_told_that_this_is_safe(live) -> None:
    # The last --listen counts.
    executor = await live("--listen", "0.0.0.0:0", "--insecure")
    assert (await executor.stub.GetInfo(pb.GetInfoRequest())).executor_id


async def test_a_unix_socket_serves_as_a_port_does(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = Server(Settings(listen=f"unix:{path}", home=tmp_path / "home"))
    await server.start()
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        assert (await pb_grpc.ExecutorServiceStub(channel).GetInfo(pb.GetInfoRequest())).executor_id
    await server.stop()
    assert not path.exists()


async def test_reflection_tells_what_can_be_called_when_it_is_asked_for(live) -> None:
    def services(address: str) -> tuple[list[str], list[str]]:
        with grpc.insecure_channel(address) as channel:
            known = ProtoReflectionDescriptorDatabase(channel)
            names = sorted(known.get_services())
            service = DescriptorPool(known).FindServiceByName(SERVICE)
            return names, [method.name for method in service.methods]

    executor = await live("--reflection")
    names, methods = await asyncio.to_thread(services, executor.address)
    assert names == ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", SERVICE]
    assert methods == [method.name for method in pb.DESCRIPTOR.services_by_name["ExecutorService"].methods]
    with pytest.raises(grpc.RpcError) as unknown:
        await asyncio.to_thread(services, (await live()).address)
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_without_its_package_reflection_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc_reflection.v1alpha", None)
    with pytest.raises(Usage, match=r"grpcio-reflection.*requirements-dev\.lock"):
        await Server(Settings(listen="127.0.0.1:0", home=tmp_path, reflection=True)).start()
    assert not list((tmp_path / "scratch").iterdir())
