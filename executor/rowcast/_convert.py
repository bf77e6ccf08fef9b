"""Between messages and ours: errors to gRPC status, lines and parsers to messages and back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import grpc.aio

from rowcast._bundles import check_path
from rowcast._errors import (
    BadRequest,
    BundleMissing,
    Busy,
    Draining,
    EnvironmentMissing,
    ExecutorError,
    SessionExpired,
    StaleEpoch,
)
from rowcast._logs import Line
from rowcast.v1 import executor_pb2 as pb

log = logging.getLogger("rowcast")
Context = grpc.aio.ServicerContext[Any, Any]
STATUS: dict[type[ExecutorError], grpc.StatusCode] = {
    BadRequest: grpc.StatusCode.INVALID_ARGUMENT,
    Busy: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Draining: grpc.StatusCode.UNAVAILABLE,
    BundleMissing: grpc.StatusCode.NOT_FOUND,
    EnvironmentMissing: grpc.StatusCode.NOT_FOUND,
    SessionExpired: grpc.StatusCode.NOT_FOUND,
    StaleEpoch: grpc.StatusCode.FAILED_PRECONDITION,
}


def method(
    make: Callable[..., Any], call: Callable[..., Coroutine[Any, Any, Any]], request: type[Any]
) -> grpc.RpcMethodHandler[Any, Any]:
    """A handler whose errors have become a status, and that passes encoded messages through."""

    async def guarded(argument: Any, context: Context) -> Any:
        try:
            return await call(argument, context)
        except ExecutorError as error:
            await context.abort(STATUS.get(type(error), grpc.StatusCode.INTERNAL), str(error))
        except Exception:
            # Its text would go to the caller verbatim, whatever it holds.
            log.exception("%s failed", call.__name__)
            await context.abort(grpc.StatusCode.INTERNAL, "executor.internal: see the executor's log")

    return make(guarded, request_deserializer=request.FromString, response_serializer=_serialize)


def _serialize(message: Any) -> bytes:
    """What the reader encoded passes through untouched."""
    return message if type(message) is bytes else message.SerializeToString()


def parser(request: pb.PrepareRequest | pb.OpenSessionRequest) -> dict[str, str] | None:
    """What a request says of rows; BadRequest."""
    if not request.HasField("parser"):
        return None
    given = request.parser
    if given.type not in ("python", "rows"):
        raise BadRequest(f"parser.type is {given.type!r}; python or rows")
    if given.code:
        check_path(given.code)
    return {"type": given.type, "function": given.function, "code": given.code}


def log_line(line: Line) -> pb.LogLine:
    """A printed line."""
    return pb.LogLine(time_unix_us=line.time_us, stream=line.stream, text=line.text, fragment=line.fragment)
