"""The process: a gRPC server, who may call it, its health, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as _aio  # pyright: ignore  # the stubs lack it

from rowcast import _address
from rowcast._bundles import Bundles
from rowcast._environments import MAX_BYTES, Environments
from rowcast._errors import Usage
from rowcast._isolation import Isolation, Profile
from rowcast._process import Host
from rowcast._scratch import Scratch
from rowcast._servicer import SERVICE, Servicer
from rowcast._sessions import LEASE_SECONDS, MAX_SESSIONS, Identity, Sessions
from rowcast._tls import Tls
from rowcast._uv import Uv

health: Any = _aio  # pyright: ignore
log = logging.getLogger("rowcast")

OPTIONS = [
    # 1 by default: a second server on the port would start silently and take connections (measured).
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.max_concurrent_streams", 1000),
    # Without keepalive a frozen peer is never noticed (measured).
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Well below the client's interval, else idle streams end with "Bandwidth exhausted" (measured).
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
]
# For readers' `finally` blocks, and messages on their way, when the server ends.
STOP_SECONDS = 5.0


class CannotListen(Exception):
    """The address is taken, or is none of this machine."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to run. `token`: what every caller must show; None: anyone may call."""

    listen: str
    home: Path
    token: str | None = None
    lease_seconds: float = LEASE_SECONDS
    profile: Profile = "workstation"
    hidden: tuple[Path, ...] = ()
    # The only TCP ports that author code may connect to; None: any.
    ports: tuple[int, ...] | None = None
    environments_bytes: int = MAX_BYTES
    index_url: str = ""
    index_credentials: Path | None = None
    builds: bool = True
    tls: Tls | None = None
    # For probes that speak no TLS and know no token: health alone.
    health_listen: str = ""
    reflection: bool = False
    drain_seconds: float = 0.0
    max_sessions: int = MAX_SESSIONS
    max_readers: int = 0


class Server:
    """A started executor."""

    def __init__(self, settings: Settings) -> None:
        identity = Identity()
        settings.home.mkdir(parents=True, exist_ok=True)
        home = settings.home.resolve()
        self._scratch = Scratch(home, identity.executor_id)
        self.sessions = Sessions(
            identity,
            lease_seconds=settings.lease_seconds,
            max_sessions=settings.max_sessions,
            max_readers=settings.max_readers,
        )
        self.host = Host(isolation=Isolation(profile=settings.profile, hidden=settings.hidden, ports=settings.ports))
        uv = Uv(
            isolation=self.host.isolation,
            orphans=self.host.orphans,
            index_url=settings.index_url,
            index_credentials=settings.index_credentials,
            builds=settings.builds,
        )
        self.environments = Environments(home, uv=uv, max_bytes=settings.environments_bytes)
        servicer = Servicer(
            bundles=Bundles(home),
            environments=self.environments,
            sessions=self.sessions,
            scratch=self._scratch.path,
            host=self.host,
        )
        interceptors = [_Token(settings.token)] if settings.token is not None else []
        self._grpc = grpc.aio.server(options=OPTIONS, interceptors=interceptors)
        self._grpc.add_generic_rpc_handlers((servicer.handler(),))
        self._health: Any = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)  # pyright: ignore
        self._settings = settings
        self._probes = grpc.aio.server(options=OPTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._probes)  # pyright: ignore
        self.port = self.health_port = 0

    async def start(self) -> None:
        """Begins to listen; `port` is known then. CannotListen, Usage."""
        tls = self._settings.tls
        try:
            if self._settings.reflection:
                _reflect(self._grpc)
            self.port = self._bind(self._grpc, self._settings.listen, tls.credentials() if tls else None)
            if self._settings.health_listen:
                self.health_port = self._bind(self._probes, self._settings.health_listen)
        except BaseException:
            self._scratch.close()
            raise
        await self._grpc.start()
        await self._probes.start()
        for service in ("", SERVICE):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    @staticmethod
    def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        try:
            port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        except RuntimeError:
            port = 0
        if not port:
            raise CannotListen(f"cannot listen on {address}: the port is in use, or the address is not of this host")
        return port

    async def drain(self) -> None:
        """Takes no new sessions, lets reads under way go on. The loop is alive, so health of `""` stays as it is."""
        await self._health.set(SERVICE, health_pb2.HealthCheckResponse.NOT_SERVING)
        await self.sessions.drain(self._settings.drain_seconds)

    async def stop(self, *, kill: bool = False) -> None:
        """Ends every reader, in order or at once, then the server. Nothing is left behind."""
        await self._health.enter_graceful_shutdown()
        if kill:
            await self.sessions.kill_all()
        stopping = asyncio.gather(self._grpc.stop(STOP_SECONDS), self._probes.stop(0))
        await self.sessions.close_all()
        await stopping
        self._scratch.close()


def _reflect(server: grpc.aio.Server) -> None:
    """Lets grpcurl and its like ask what can be called; they still need the token for it."""
    try:
        from grpc_reflection.v1alpha import reflection
    except ImportError:
        raise Usage(
            "--reflection is for development and needs the package grpcio-reflection, which is not installed: "
            "uv pip sync --require-hashes requirements-dev.lock"
        ) from None
    names = (SERVICE, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)  # pyright: ignore  # its stub lacks the asynchronous server


class _Token(grpc.aio.ServerInterceptor):
    """Lets only callers with the bearer token in, to health too: author code reaches this port as well."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

        async def deny(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "executor.denied: the call has no valid bearer token")

        # As a stream of streams it needs no request before it answers, whatever the method is.
        self._deny: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(deny)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        given = dict(handler_call_details.invocation_metadata or ()).get("authorization", "")
        given = given.encode() if isinstance(given, str) else given
        # Compared in constant time: the answer's delay tells nothing about the token.
        if hmac.compare_digest(given, self._expected):
            return await continuation(handler_call_details)
        return self._deny


async def serve(settings: Settings, *, parent_fd: int | None) -> None:
    """Runs until SIGTERM or SIGINT, or until `parent_fd` reaches end-of-file: then the parent is dead."""
    server = Server(settings)
    server.host.orphans.adopt()
    await server.start()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str] = loop.create_future()
    now = asyncio.Event()

    def end(why: str) -> None:
        # Asked twice, or by Ctrl-C, or without a parent: nothing is waited for.
        if ended.done() or why != "SIGTERM":
            now.set()
        if not ended.done():
            ended.set_result(why)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number.name)
    if parent_fd is not None:

        def parent() -> None:
            if not os.read(parent_fd, 4096):
                loop.remove_reader(parent_fd)
                end("parent is gone")

        loop.add_reader(parent_fd, parent)
    line: dict[str, object] = {"type": "listening", "port": server.port}
    if settings.listen.startswith(_address.UNIX):
        line = {"type": "listening", "address": settings.listen}
    if server.health_port:
        line["health_port"] = server.health_port
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    log.info("listening on %s, port %d", settings.listen, server.port)
    why = await ended
    log.info("ending: %s", why)
    if not now.is_set():
        waiting = (asyncio.create_task(server.drain()), asyncio.create_task(now.wait()))
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
    # Without its parent nobody waits for what readers still have to say.
    await server.stop(kill=why == "parent is gone")


class JsonLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def run(settings: Settings, *, parent_fd: int | None = None) -> None:
    """`serve`, from a plain `main`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(settings, parent_fd=parent_fd))
