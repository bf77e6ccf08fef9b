from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetInfoRequest(_message.Message):
    __slots__ = ("pip", "lock")
    PIP_FIELD_NUMBER: _ClassVar[int]
    LOCK_FIELD_NUMBER: _ClassVar[int]
    pip: _containers.RepeatedScalarFieldContainer[str]
    lock: str
    def __init__(self, pip: _Optional[_Iterable[str]] = ..., lock: _Optional[str] = ...) -> None: ...

class GetInfoResponse(_message.Message):
    __slots__ = ("executor_id", "epoch", "version", "python_version", "readers", "sessions", "isolation", "isolation_reason", "draining", "max_readers", "environment_cached", "now_unix_us")
    EXECUTOR_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PYTHON_VERSION_FIELD_NUMBER: _ClassVar[int]
    READERS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_REASON_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    MAX_READERS_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_CACHED_FIELD_NUMBER: _ClassVar[int]
    NOW_UNIX_US_FIELD_NUMBER: _ClassVar[int]
    executor_id: str
    epoch: int
    version: str
    python_version: str
    readers: int
    sessions: int
    isolation: str
    isolation_reason: str
    draining: bool
    max_readers: int
    environment_cached: bool
    now_unix_us: int
    def __init__(self, executor_id: _Optional[str] = ..., epoch: _Optional[int] = ..., version: _Optional[str] = ..., python_version: _Optional[str] = ..., readers: _Optional[int] = ..., sessions: _Optional[int] = ..., isolation: _Optional[str] = ..., isolation_reason: _Optional[str] = ..., draining: _Optional[bool] = ..., max_readers: _Optional[int] = ..., environment_cached: _Optional[bool] = ..., now_unix_us: _Optional[int] = ...) -> None: ...

class PutBundleRequest(_message.Message):
    __slots__ = ("header", "file")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    header: BundleHeader
    file: BundleFile
    def __init__(self, header: _Optional[_Union[BundleHeader, _Mapping]] = ..., file: _Optional[_Union[BundleFile, _Mapping]] = ...) -> None: ...

class BundleHeader(_message.Message):
    __slots__ = ("sha256", "bytes")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    sha256: str
    bytes: int
    def __init__(self, sha256: _Optional[str] = ..., bytes: _Optional[int] = ...) -> None: ...

class BundleFile(_message.Message):
    __slots__ = ("path", "data", "last")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    path: str
    data: bytes
    last: bool
    def __init__(self, path: _Optional[str] = ..., data: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class PutBundleResponse(_message.Message):
    __slots__ = ("sha256",)
    SHA256_FIELD_NUMBER: _ClassVar[int]
    sha256: str
    def __init__(self, sha256: _Optional[str] = ...) -> None: ...

class PrepareRequest(_message.Message):
    __slots__ = ("bundle_sha256", "pip", "lock", "code", "load", "parser")
    BUNDLE_SHA256_FIELD_NUMBER: _ClassVar[int]
    PIP_FIELD_NUMBER: _ClassVar[int]
    LOCK_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    PARSER_FIELD_NUMBER: _ClassVar[int]
    bundle_sha256: str
    pip: _containers.RepeatedScalarFieldContainer[str]
    lock: str
    code: str
    load: bool
    parser: Parser
    def __init__(self, bundle_sha256: _Optional[str] = ..., pip: _Optional[_Iterable[str]] = ..., lock: _Optional[str] = ..., code: _Optional[str] = ..., load: _Optional[bool] = ..., parser: _Optional[_Union[Parser, _Mapping]] = ...) -> None: ...

class PrepareResponse(_message.Message):
    __slots__ = ("stage", "message", "environment_id", "resolved_lock", "error", "yields_rows", "logs")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_ID_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_LOCK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    YIELDS_ROWS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    message: str
    environment_id: str
    resolved_lock: str
    error: UserError
    yields_rows: bool
    logs: _containers.RepeatedCompositeFieldContainer[LogLine]
    def __init__(self, stage: _Optional[str] = ..., message: _Optional[str] = ..., environment_id: _Optional[str] = ..., resolved_lock: _Optional[str] = ..., error: _Optional[_Union[UserError, _Mapping]] = ..., yields_rows: _Optional[bool] = ..., logs: _Optional[_Iterable[_Union[LogLine, _Mapping]]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("stall_seconds", "fragment_bytes", "memory_bytes", "cpu_seconds")
    STALL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FRAGMENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    CPU_SECONDS_FIELD_NUMBER: _ClassVar[int]
    stall_seconds: int
    fragment_bytes: int
    memory_bytes: int
    cpu_seconds: int
    def __init__(self, stall_seconds: _Optional[int] = ..., fragment_bytes: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., cpu_seconds: _Optional[int] = ...) -> None: ...

class LockRequest(_message.Message):
    __slots__ = ("pip",)
    PIP_FIELD_NUMBER: _ClassVar[int]
    pip: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pip: _Optional[_Iterable[str]] = ...) -> None: ...

class LockResponse(_message.Message):
    __slots__ = ("lock", "error")
    LOCK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    lock: str
    error: UserError
    def __init__(self, lock: _Optional[str] = ..., error: _Optional[_Union[UserError, _Mapping]] = ...) -> None: ...

class Parser(_message.Message):
    __slots__ = ("type", "function", "code")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    type: str
    function: str
    code: str
    def __init__(self, type: _Optional[str] = ..., function: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class OpenSessionRequest(_message.Message):
    __slots__ = ("idempotency_key", "connector", "bundle_sha256", "environment_id", "code", "credentials", "limits", "concurrency", "parser")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_SHA256_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    PARSER_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    connector: str
    bundle_sha256: str
    environment_id: str
    code: str
    credentials: str
    limits: Limits
    concurrency: int
    parser: Parser
    def __init__(self, idempotency_key: _Optional[str] = ..., connector: _Optional[str] = ..., bundle_sha256: _Optional[str] = ..., environment_id: _Optional[str] = ..., code: _Optional[str] = ..., credentials: _Optional[str] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., concurrency: _Optional[int] = ..., parser: _Optional[_Union[Parser, _Mapping]] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("session", "lease_ms")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    session: SessionRef
    lease_ms: int
    def __init__(self, session: _Optional[_Union[SessionRef, _Mapping]] = ..., lease_ms: _Optional[int] = ...) -> None: ...

class SessionRef(_message.Message):
    __slots__ = ("session_id", "executor_id", "epoch", "token")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    executor_id: str
    epoch: int
    token: bytes
    def __init__(self, session_id: _Optional[str] = ..., executor_id: _Optional[str] = ..., epoch: _Optional[int] = ..., token: _Optional[bytes] = ...) -> None: ...

class AttachRequest(_message.Message):
    __slots__ = ("session", "flush")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    session: SessionRef
    flush: int
    def __init__(self, session: _Optional[_Union[SessionRef, _Mapping]] = ..., flush: _Optional[int] = ...) -> None: ...

class AttachResponse(_message.Message):
    __slots__ = ("logs", "logs_dropped", "draining", "flushed")
    LOGS_FIELD_NUMBER: _ClassVar[int]
    LOGS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    FLUSHED_FIELD_NUMBER: _ClassVar[int]
    logs: _containers.RepeatedCompositeFieldContainer[LogLine]
    logs_dropped: int
    draining: Draining
    flushed: int
    def __init__(self, logs: _Optional[_Iterable[_Union[LogLine, _Mapping]]] = ..., logs_dropped: _Optional[int] = ..., draining: _Optional[_Union[Draining, _Mapping]] = ..., flushed: _Optional[int] = ...) -> None: ...

class Draining(_message.Message):
    __slots__ = ("deadline_unix_us",)
    DEADLINE_UNIX_US_FIELD_NUMBER: _ClassVar[int]
    deadline_unix_us: int
    def __init__(self, deadline_unix_us: _Optional[int] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("time_unix_us", "stream", "text", "fragment")
    TIME_UNIX_US_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FRAGMENT_FIELD_NUMBER: _ClassVar[int]
    time_unix_us: int
    stream: str
    text: str
    fragment: str
    def __init__(self, time_unix_us: _Optional[int] = ..., stream: _Optional[str] = ..., text: _Optional[str] = ..., fragment: _Optional[str] = ...) -> None: ...

class ListObjectsRequest(_message.Message):
    __slots__ = ("session", "prefixes")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    session: SessionRef
    prefixes: bool
    def __init__(self, session: _Optional[_Union[SessionRef, _Mapping]] = ..., prefixes: _Optional[bool] = ...) -> None: ...

class ListObjectsResponse(_message.Message):
    __slots__ = ("items", "trailer")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TRAILER_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Item]
    trailer: ListTrailer
    def __init__(self, items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., trailer: _Optional[_Union[ListTrailer, _Mapping]] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("name", "fingerprint", "extra_json", "traceparent", "is_prefix", "depth")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_JSON_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    IS_PREFIX_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    name: str
    fingerprint: str
    extra_json: bytes
    traceparent: str
    is_prefix: bool
    depth: int
    def __init__(self, name: _Optional[str] = ..., fingerprint: _Optional[str] = ..., extra_json: _Optional[bytes] = ..., traceparent: _Optional[str] = ..., is_prefix: _Optional[bool] = ..., depth: _Optional[int] = ...) -> None: ...

class ListTrailer(_message.Message):
    __slots__ = ("complete", "fragments", "prefixes", "calls", "error", "warnings")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FRAGMENTS_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    complete: bool
    fragments: int
    prefixes: int
    calls: int
    error: UserError
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, complete: _Optional[bool] = ..., fragments: _Optional[int] = ..., prefixes: _Optional[int] = ..., calls: _Optional[int] = ..., error: _Optional[_Union[UserError, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class ReadFragmentsRequest(_message.Message):
    __slots__ = ("session", "fragments", "message_bytes", "checksum", "fresh_reader")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    FRAGMENTS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    FRESH_READER_FIELD_NUMBER: _ClassVar[int]
    session: SessionRef
    fragments: _containers.RepeatedCompositeFieldContainer[Item]
    message_bytes: int
    checksum: bool
    fresh_reader: bool
    def __init__(self, session: _Optional[_Union[SessionRef, _Mapping]] = ..., fragments: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., message_bytes: _Optional[int] = ..., checksum: _Optional[bool] = ..., fresh_reader: _Optional[bool] = ...) -> None: ...

class ReadFragmentsResponse(_message.Message):
    __slots__ = ("pieces", "trailer")
    PIECES_FIELD_NUMBER: _ClassVar[int]
    TRAILER_FIELD_NUMBER: _ClassVar[int]
    pieces: _containers.RepeatedCompositeFieldContainer[Piece]
    trailer: ReadTrailer
    def __init__(self, pieces: _Optional[_Iterable[_Union[Piece, _Mapping]]] = ..., trailer: _Optional[_Union[ReadTrailer, _Mapping]] = ...) -> None: ...

class Piece(_message.Message):
    __slots__ = ("fragment", "data", "trailer")
    FRAGMENT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TRAILER_FIELD_NUMBER: _ClassVar[int]
    fragment: int
    data: bytes
    trailer: FragmentTrailer
    def __init__(self, fragment: _Optional[int] = ..., data: _Optional[bytes] = ..., trailer: _Optional[_Union[FragmentTrailer, _Mapping]] = ...) -> None: ...

class FragmentTrailer(_message.Message):
    __slots__ = ("bytes", "rows", "crc32", "start_unix_us", "duration_us", "error")
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CRC32_FIELD_NUMBER: _ClassVar[int]
    START_UNIX_US_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    rows: int
    crc32: int
    start_unix_us: int
    duration_us: int
    error: UserError
    def __init__(self, bytes: _Optional[int] = ..., rows: _Optional[int] = ..., crc32: _Optional[int] = ..., start_unix_us: _Optional[int] = ..., duration_us: _Optional[int] = ..., error: _Optional[_Union[UserError, _Mapping]] = ...) -> None: ...

class ReadTrailer(_message.Message):
    __slots__ = ("fragments", "bytes", "error")
    FRAGMENTS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    fragments: int
    bytes: int
    error: UserError
    def __init__(self, fragments: _Optional[int] = ..., bytes: _Optional[int] = ..., error: _Optional[_Union[UserError, _Mapping]] = ...) -> None: ...

class UserError(_message.Message):
    __slots__ = ("code", "message", "type", "traceback", "retryable", "retry_after_ms")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    type: str
    traceback: str
    retryable: bool
    retry_after_ms: int
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., type: _Optional[str] = ..., traceback: _Optional[str] = ..., retryable: _Optional[bool] = ..., retry_after_ms: _Optional[int] = ...) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: SessionRef
    def __init__(self, session: _Optional[_Union[SessionRef, _Mapping]] = ...) -> None: ...

class CloseSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
