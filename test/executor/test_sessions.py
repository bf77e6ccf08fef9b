"""Sessions: who may use one, how long it lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rowcast._process import Host
from rowcast._server import CannotListen, Server, Settings
from rowcast._session import Fragment, Session
from rowcast._spec import ReaderSpec, base_python
from rowcast.v1 import executor_pb2 as pb
from rowcast.v1 import executor_pb2_grpc as pb_grpc

HANG = """
    import os, time
    def read_bytes(context, metadata):
        yield str(os.getpid())
        time.sleep(600)
"""


def status(code: grpc.StatusCode, details: str):
    """Expects a call to end with this status, its details beginning with our code."""
    return pytest.raises(
        grpc.aio.AioRpcError, check=lambda e: e.code() is code and (e.details() or "").startswith(details)
    )


def changed(session: pb.SessionRef, **fields: object) -> pb.SessionRef:
    out = pb.SessionRef(**fields)
    merged = pb.SessionRef()
    merged.CopyFrom(session)
    merged.MergeFrom(out)
    return merged


@pytest.mark.parametrize("fields", [{"epoch": 1}, {"executor_id": "another"}])
async def test_a_session_of_another_start_is_stale(rowcast, fields: dict[str, object]) -> None:
    connector = await rowcast.open("")
    stale = changed(connector.session, **fields)
    for call in (
        rowcast.stub.CloseSession(pb.CloseSessionRequest(session=stale)),
        rowcast.stub.ListObjects(pb.ListObjectsRequest(session=stale)).read(),
        rowcast.stub.ReadFragments(pb.ReadFragmentsRequest(session=stale, fragments=[pb.Item(name="f")])).read(),
        rowcast.stub.Attach(iter([pb.AttachRequest(session=stale)])).read(),
    ):
        with status(grpc.StatusCode.FAILED_PRECONDITION, "executor.stale_epoch: "):
            await call


@pytest.mark.parametrize("fields", [{"token": b"0" * 16}, {"token": b"short"}, {"session_id": "unknown"}])
async def test_only_who_opened_a_session_may_use_it(rowcast, fields: dict[str, object]) -> None:
    connector = await rowcast.open("")
    other = changed(connector.session, **fields)
    with status(grpc.StatusCode.NOT_FOUND, "session.expired: "):
        await rowcast.stub.ListObjects(pb.ListObjectsRequest(session=other)).read()
    await rowcast.stub.CloseSession(pb.CloseSessionRequest(session=other))
    assert (await connector.list())[1].complete


async def test_the_same_key_opens_the_same_session(rowcast) -> None:
    first = await rowcast.open("", idempotency_key="key")
    again = await rowcast.open("", idempotency_key="key")
    other = await rowcast.open("", idempotency_key="other")
    assert first.session == again.session != other.session
    await first.close()
    assert (await rowcast.open("", idempotency_key="key")).session != first.session


async def test_closing_twice_is_fine_and_the_session_is_gone(rowcast) -> None:
    connector = await rowcast.open("")
    await connector.read()
    await connector.close()
    await connector.close()
    with status(grpc.StatusCode.NOT_FOUND, "session.expired: "):
        await connector.read()
    assert (await rowcast.stub.GetInfo(pb.GetInfoRequest())).sessions == 0


class TestLease:
    @pytest.fixture
    def settings(self, tmp_path) -> Settings:
        return Settings(listen="127.0.0.1:0", home=tmp_path, lease_seconds=0.5)

    async def test_a_session_without_pings_is_killed(self, rowcast, gone) -> None:
        connector = await rowcast.open(HANG)
        call = connector.start_read(["f"])
        await gone(int((await call.read()).pieces[0].data))
        assert await call.code() is grpc.StatusCode.NOT_FOUND
        with status(grpc.StatusCode.NOT_FOUND, "session.expired: "):
            await connector.list()

    async def test_pings_keep_a_session_past_its_lease(self, rowcast) -> None:
        connector = await rowcast.open("import time\ndef read_bytes(c, m):\n    time.sleep(1.2)\n    return b'late'\n")
        read = asyncio.Event()

        async def pings() -> AsyncIterator[pb.AttachRequest]:
            while not read.is_set():
                yield pb.AttachRequest(session=connector.session)
                await asyncio.sleep(0.1)

        attached = rowcast.stub.Attach(pings())
        assert (await connector.read()).data == {0: b"late"}
        read.set()
        assert await attached.code() is grpc.StatusCode.OK


async def test_an_idle_reader_ends_and_the_next_call_starts_another(tmp_path, gone) -> None:
    (tmp_path / "connector.py").write_text(
        "import os\ndef list_objects(c, m): return []\ndef read_bytes(c, m): return str(os.getpid())\n"
    )
    spec = ReaderSpec(python=base_python(), bundle=tmp_path, code="connector.py", scratch=tmp_path)
    session = Session(spec, host=Host(), concurrency=1, idle_seconds=0.05)

    async def read() -> int:
        reading = session.read([Fragment("f", "", "")], message_bytes=0, checksum=False)
        first, *_ = [pb.ReadFragmentsResponse.FromString(message) async for message in reading]
        return int(first.pieces[0].data)

    pid = await read()
    await gone(pid)
    assert await read() != pid
    await session.close()


async def test_attach_brings_lines_while_the_author_works(rowcast) -> None:
    connector = await rowcast.open("import time\ndef read_bytes(c, m):\n    print('here')\n    time.sleep(600)\n")
    hang_up = asyncio.Event()

    async def pings() -> AsyncIterator[pb.AttachRequest]:
        yield pb.AttachRequest(session=connector.session)
        await hang_up.wait()

    attached = rowcast.stub.Attach(pings())
    call = connector.start_read(["f"])
    message = await attached.read()
    assert [(line.text, line.fragment, line.stream) for line in message.logs] == [("here", "f", "stdout")]
    call.cancel()
    hang_up.set()
    assert await attached.code() is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"concurrency": 65}, "concurrency"),
        ({"code": "../connector.py"}, "leaves the bundle"),
        ({"code": "other.py"}, "has no file"),
        ({"environment_id": "no"}, "environment_id"),
        ({"bundle_sha256": "../../etc"}, "64 hex digits"),
    ],
)
async def test_a_bad_open_is_refused(rowcast, request_: dict[str, object], says: str) -> None:
    with status(grpc.StatusCode.INVALID_ARGUMENT, "executor.bad_request: ") as raised:
        await rowcast.open("", **request_)
    assert says in raised.value.details()


async def test_what_is_missing_is_named(rowcast) -> None:
    with status(grpc.StatusCode.NOT_FOUND, "bundle.missing: "):
        await rowcast.open("", bundle_sha256="0" * 64)
    with status(grpc.StatusCode.NOT_FOUND, "environment.missing: "):
        await rowcast.open("", environment_id="0" * 64)
    with status(grpc.StatusCode.NOT_FOUND, "bundle.missing: "):
        await rowcast.prepare("0" * 64)


@pytest.mark.parametrize("count", [0, 501])
async def test_a_call_reads_one_to_500_fragments(rowcast, count: int) -> None:
    connector = await rowcast.open("")
    with status(grpc.StatusCode.INVALID_ARGUMENT, "executor.bad_request: "):
        await connector.start_read(["f"] * count).read()


async def test_info_says_who_answers(rowcast) -> None:
    info = await rowcast.stub.GetInfo(pb.GetInfoRequest())
    again = await rowcast.stub.GetInfo(pb.GetInfoRequest())
    assert again.now_unix_us >= info.now_unix_us > info.epoch
    again.now_unix_us = info.now_unix_us
    assert info == again
    assert info.environment_cached
    assert info.executor_id
    assert info.epoch > 1_700_000_000_000_000
    assert info.version
    assert info.python_version.startswith("3.")


@pytest.mark.parametrize("service", ["", "rowcast.v1.ExecutorService"])
async def test_health_says_serving(rowcast, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(rowcast.channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_second_server_on_the_port_does_not_start(rowcast, tmp_path) -> None:
    second = Server(Settings(listen=rowcast.address, home=tmp_path / "second"))
    with pytest.raises(CannotListen, match="in use"):
        await second.start()


class TestToken:
    @pytest.fixture
    def settings(self, tmp_path) -> Settings:
        return Settings(listen="127.0.0.1:0", home=tmp_path, token="sesame")

    @pytest.mark.parametrize(
        "metadata",
        [
            None,
            [("authorization", "Bearer wrong")],
            [("authorization", "sesame")],
            [("authorization", "Bearer sesame2")],
            [("authorization", "")],
        ],
    )
    async def test_without_it_every_call_is_denied(self, rowcast, metadata: list[tuple[str, str]] | None) -> None:
        ref = pb.SessionRef()
        health = health_pb2_grpc.HealthStub(rowcast.channel)
        item = pb.Item(name="f")
        calls = [
            rowcast.stub.GetInfo(pb.GetInfoRequest(), metadata=metadata),
            rowcast.stub.OpenSession(pb.OpenSessionRequest(), metadata=metadata),
            rowcast.stub.CloseSession(pb.CloseSessionRequest(), metadata=metadata),
            rowcast.stub.PutBundle(iter([pb.PutBundleRequest()]), metadata=metadata),
            rowcast.stub.Prepare(pb.PrepareRequest(), metadata=metadata).read(),
            rowcast.stub.Attach(iter([pb.AttachRequest(session=ref)]), metadata=metadata).read(),
            rowcast.stub.ListObjects(pb.ListObjectsRequest(), metadata=metadata).read(),
            rowcast.stub.ReadFragments(pb.ReadFragmentsRequest(fragments=[item]), metadata=metadata).read(),
            health.Check(health_pb2.HealthCheckRequest(), metadata=metadata),
        ]
        for call in calls:
            with status(grpc.StatusCode.UNAUTHENTICATED, "executor.denied: "):
                await call

    async def test_with_it_they_pass(self, rowcast) -> None:
        metadata = [("authorization", "Bearer sesame")]
        stub = pb_grpc.ExecutorServiceStub(rowcast.channel)
        assert (await stub.GetInfo(pb.GetInfoRequest(), metadata=metadata)).executor_id
        health = health_pb2_grpc.HealthStub(rowcast.channel)
        assert (await health.Check(health_pb2.HealthCheckRequest(), metadata=metadata)).status == 1
