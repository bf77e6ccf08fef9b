"""The edge: messages of executor.proto to calls of ours, our errors to gRPC status. Converts and does nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import time
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import grpc

from rowcast._bundles import Bundles, Incoming
from rowcast._convert import Context, log_line, method, parser
from rowcast._environments import Environments
from rowcast._errors import AuthorFailure, BadRequest, SessionExpired
from rowcast._logs import LogQueue
from rowcast._process import Host
from rowcast._session import Fragment, Session
from rowcast._sessions import Opened, Sessions
from rowcast._spec import ReaderSpec
from rowcast._supervisor import Reader, probe
from rowcast._version import VERSION
from rowcast.v1 import executor_pb2 as pb

SERVICE = "rowcast.v1.ExecutorService"
STALL_SECONDS = 300
FRAGMENT_BYTES = 10 << 30
MEMORY_BYTES = 1 << 30
MAX_CONCURRENCY = 64
MAX_FRAGMENTS = 500
LOG_BYTES = 1 << 20


class Servicer:
    """The methods of `ExecutorService`."""

    def __init__(
        self, *, bundles: Bundles, environments: Environments, sessions: Sessions, scratch: Path, host: Host
    ) -> None:
        self._bundles = bundles
        self._environments = environments
        self._sessions = sessions
        self._scratch = scratch
        self._host = host
        self._probing = asyncio.Lock()

    def handler(self) -> grpc.GenericRpcHandler:
        """For `add_generic_rpc_handlers`: the generated registration has no place for our serializer."""

        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "GetInfo": method(grpc.unary_unary_rpc_method_handler, self.get_info, pb.GetInfoRequest),
                "PutBundle": method(grpc.stream_unary_rpc_method_handler, self.put_bundle, pb.PutBundleRequest),
                "Prepare": method(grpc.unary_stream_rpc_method_handler, self.prepare, pb.PrepareRequest),
                "Lock": method(grpc.unary_unary_rpc_method_handler, self.lock, pb.LockRequest),
                "OpenSession": method(grpc.unary_unary_rpc_method_handler, self.open_session, pb.OpenSessionRequest),
                "Attach": method(grpc.stream_stream_rpc_method_handler, self.attach, pb.AttachRequest),
                "ListObjects": method(grpc.unary_stream_rpc_method_handler, self.list_objects, pb.ListObjectsRequest),
                "ReadFragments": method(
                    grpc.unary_stream_rpc_method_handler, self.read_fragments, pb.ReadFragmentsRequest
                ),
                "CloseSession": method(grpc.unary_unary_rpc_method_handler, self.close_session, pb.CloseSessionRequest),
            },
        )

    async def get_info(self, request: pb.GetInfoRequest, context: Context) -> pb.GetInfoResponse:
        async with self._probing:
            if not self._host.isolation.known:
                await probe(self._host, self._scratch)
        return pb.GetInfoResponse(
            executor_id=self._sessions.identity.executor_id,
            epoch=self._sessions.identity.epoch,
            version=VERSION,
            python_version=platform.python_version(),
            readers=self._sessions.readers,
            draining=self._sessions.draining.is_set(),
            sessions=len(self._sessions),
            isolation=self._host.isolation.status,
            isolation_reason=self._host.isolation.reason,
            max_readers=self._sessions.max_readers,
            environment_cached=self._environments.cached(pip=request.pip, lock=request.lock),
            now_unix_us=time.time_ns() // 1000,
        )

    async def put_bundle(self, requests: AsyncIterator[pb.PutBundleRequest], context: Context) -> pb.PutBundleResponse:
        incoming: Incoming | None = None
        async for request in requests:
            part = request.WhichOneof("part")
            if part == "header" and incoming is None:
                incoming = Incoming(request.header.sha256, request.header.bytes)
            elif part == "file" and incoming is not None:
                incoming.add(request.file.path, request.file.data, last=request.file.last)
            else:
                raise BadRequest("a bundle is one header, then its files")
        if incoming is None:
            raise BadRequest("the bundle has no header")
        files = incoming.files()
        await asyncio.to_thread(self._bundles.store, incoming.sha256, files)
        return pb.PutBundleResponse(sha256=incoming.sha256)

    async def prepare(self, request: pb.PrepareRequest, context: Context) -> None:
        async def progress(stage: str, message: str) -> None:
            await context.write(pb.PrepareResponse(stage=stage, message=message))

        bundle = self._bundles.file(request.bundle_sha256, request.code)
        printed = LogQueue()
        try:
            environment = await self._environments.prepare(pip=request.pip, lock=request.lock, progress=progress)
            rows = False
            if request.load:
                # In use by the reader that loads it: others must not push it out meanwhile.
                release = self._environments.hold(environment.id)
                await progress("load", "importing the connector")
                spec = ReaderSpec(
                    python=environment.python,
                    bundle=bundle,
                    code=request.code,
                    scratch=self._scratch,
                    stall_seconds=STALL_SECONDS,
                    memory_bytes=MEMORY_BYTES,
                    check=True,
                    parser=parser(request),
                )
                try:
                    rows = await self._load(spec, printed)
                finally:
                    release()
        except AuthorFailure as failure:
            printed.close()
            taken = await printed.take(max_bytes=LOG_BYTES)
            lines = map(log_line, taken.lines if taken else ())
            error = pb.UserError.FromString(failure.error)
            await context.write(pb.PrepareResponse(stage="done", error=error, logs=lines))
            return
        await context.write(
            pb.PrepareResponse(
                stage="done",
                message="ready",
                environment_id=environment.id,
                resolved_lock=environment.lock,
                yields_rows=rows,
            )
        )

    async def _load(self, spec: ReaderSpec, printed: LogQueue) -> bool:
        reader = Reader(spec, host=self._host, logs=printed)
        try:
            return await reader.start()
        finally:
            reader.kill()
            await reader.gone()

    async def lock(self, request: pb.LockRequest, context: Context) -> pb.LockResponse:
        try:
            return pb.LockResponse(lock=await self._environments.lock(request.pip))
        except AuthorFailure as failure:
            return pb.LockResponse(error=pb.UserError.FromString(failure.error))

    async def open_session(self, request: pb.OpenSessionRequest, context: Context) -> pb.OpenSessionResponse:
        if not request.idempotency_key:
            raise BadRequest("idempotency_key is empty")
        concurrency = request.concurrency or 1
        if concurrency > MAX_CONCURRENCY:
            raise BadRequest(f"concurrency is {concurrency}; 1 to {MAX_CONCURRENCY}")
        spec = ReaderSpec(
            python=self._environments.find(request.environment_id),
            bundle=self._bundles.file(request.bundle_sha256, request.code),
            code=request.code,
            scratch=self._scratch,
            credentials=request.credentials,
            stall_seconds=request.limits.stall_seconds or STALL_SECONDS,
            fragment_bytes=request.limits.fragment_bytes or FRAGMENT_BYTES,
            memory_bytes=request.limits.memory_bytes or MEMORY_BYTES,
            cpu_seconds=request.limits.cpu_seconds,
            parser=parser(request),
        )

        def make() -> Session:
            with contextlib.ExitStack() as held:
                held.callback(self._environments.hold(request.environment_id))
                held.callback(self._bundles.hold(request.bundle_sha256))
                return Session(
                    spec,
                    host=self._host,
                    concurrency=concurrency,
                    on_end=held.pop_all().close,
                    may_start=self._sessions.check_readers,
                )

        opened = self._sessions.open(request.idempotency_key, make)
        identity = self._sessions.identity
        return pb.OpenSessionResponse(
            session=pb.SessionRef(
                session_id=opened.id, executor_id=identity.executor_id, epoch=identity.epoch, token=opened.token
            ),
            lease_ms=int(self._sessions.lease_seconds * 1000),
        )

    async def attach(self, requests: AsyncIterator[pb.AttachRequest], context: Context) -> None:
        first = await anext(aiter(requests), None)
        if first is None:
            raise BadRequest("Attach needs a first message with its session")
        opened = self._find(first.session)
        self._sessions.ping(opened)
        # Tells the caller that the session is attached, before there is a line to tell.
        await context.send_initial_metadata(())

        writing = asyncio.Lock()

        async def draining() -> None:
            await self._sessions.draining.wait()
            async with writing:
                told = pb.Draining(deadline_unix_us=self._sessions.deadline_us)
                await context.write(pb.AttachResponse(draining=told))

        async def pings() -> None:
            async for request in requests:
                self._sessions.ping(opened)
                if request.flush:
                    opened.session.flush(request.flush)

        async def logs() -> None:
            while (taken := await opened.session.logs.take(max_bytes=LOG_BYTES)) is not None:
                lines = map(log_line, taken.lines)
                told = pb.AttachResponse(logs=lines, logs_dropped=taken.dropped, flushed=taken.flushed)
                async with writing:
                    await context.write(told)

        tasks = (asyncio.create_task(one()) for one in (pings, logs, draining))
        with self._sessions.call(), _cancelled(*tasks) as (pinging, logging, _):
            # Whoever ends first: the caller hangs up, or the session is over and its last line told.
            await asyncio.wait((pinging, logging), return_when=asyncio.FIRST_COMPLETED)
            if logging.done():
                logging.result()

    async def list_objects(self, request: pb.ListObjectsRequest, context: Context) -> None:
        session = self._find(request.session).session
        with self._sessions.call():
            async with contextlib.aclosing(session.list(prefixes=request.prefixes)) as messages:
                async for message in messages:
                    await context.write(message)

    async def read_fragments(self, request: pb.ReadFragmentsRequest, context: Context) -> None:
        session = self._find(request.session).session
        if not 1 <= len(request.fragments) <= MAX_FRAGMENTS:
            raise BadRequest(f"{len(request.fragments)} fragments in one call; 1 to {MAX_FRAGMENTS}")
        try:
            fragments = [
                Fragment(item.name, item.fingerprint, item.extra_json.decode(), item.traceparent)
                for item in request.fragments
            ]
        except UnicodeDecodeError:
            raise BadRequest("extra_json is not UTF-8") from None
        reading = session.read(
            fragments,
            message_bytes=request.message_bytes,
            checksum=request.checksum,
            fresh=request.fresh_reader,
        )
        # Closed at once when the caller is gone: that kills the reader.
        with self._sessions.call():
            async with contextlib.aclosing(reading) as messages:
                async for message in messages:
                    await context.write(message)

    async def close_session(self, request: pb.CloseSessionRequest, context: Context) -> pb.CloseSessionResponse:
        try:
            opened = self._find(request.session)
        except SessionExpired:
            return pb.CloseSessionResponse()
        await self._sessions.close(opened)
        return pb.CloseSessionResponse()

    def _find(self, ref: pb.SessionRef) -> Opened:
        return self._sessions.find(
            session_id=ref.session_id, executor_id=ref.executor_id, epoch=ref.epoch, token=ref.token
        )


@contextlib.contextmanager
def _cancelled(*tasks: asyncio.Task[None]) -> Generator[tuple[asyncio.Task[None], ...]]:
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
