"""Turns what the author's code raised into the bytes of a `UserError`: in the reader, so that a failing `__str__` or a
message of a gigabyte stays its own trouble."""

from __future__ import annotations

import os
import traceback

from . import wire
from .redact import Redactor

MESSAGE_BYTES = 4 << 10
TRACEBACK_BYTES = 16 << 10
# Measured: `urllib` and `requests` keep the built-in type in the chain, `httpx` hides it, so these names count too.
RETRYABLE_NAMES = frozenset({"ConnectionError", "NetworkError", "Timeout", "TimeoutError", "TimeoutException"})
# The others fail alike at each try.
RETRIED = frozenset({"context.failed", "list.failed", "read.failed"})
_OUR_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Fault(Exception):
    """The author's code broke a rule of the contract; `code` names it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadRow(TypeError):
    """A row that cannot be sent; `onNext` raises it, so that its author may catch it."""

    code = "parser.bad_row"


class Reporter:
    """Makes `UserError`s; knows what to leave out: secrets, our own frames, the bundle's folder."""

    def __init__(self, *, credentials: str, bundle: str) -> None:
        self._redact = Redactor(credentials)
        self._bundle = bundle.rstrip(os.sep) + os.sep

    def error(self, error: BaseException, *, code: str) -> bytes:
        """An encoded `UserError`; `code` is used when the exception does not bring its own."""
        if isinstance(error, Fault):
            message, kind, trace = str(error), "", ""
            code = error.code
            cause = error.__cause__
            if cause is not None:
                kind, trace = _type(cause), self._trace(cause)
            return self._encode(code, message, kind, trace, error=None)
        if isinstance(error, MemoryError):
            code = "read.memory"
        elif isinstance(error, BadRow):
            code = error.code
        elif isinstance(error, SystemExit):
            code = code if code == "connector.load_failed" else "read.exited"
        return self._encode(code, _message(error), _type(error), self._trace(error), error=error)

    def _encode(self, code: str, message: str, kind: str, trace: str, *, error: BaseException | None) -> bytes:
        retryable, retry_after_ms = _retry(error) if code in RETRIED else (False, 0)
        return wire.user_error(
            code=code,
            message=self._redact.cut(message, MESSAGE_BYTES),
            type=self._redact.cut(kind, 256),
            traceback=self._redact.cut(trace, TRACEBACK_BYTES),
            retryable=retryable,
            retry_after_ms=retry_after_ms,
        )

    def _trace(self, error: BaseException) -> str:
        try:
            formatted = traceback.TracebackException.from_exception(error)
            _strip(formatted, depth=0)
            text = "".join(formatted.format()).replace(self._bundle, "")
        except BaseException:
            # A hostile class can break any part of the formatting; the type's name is always safe.
            return _type(error)
        if len(text) > TRACEBACK_BYTES * 4:
            text = text[: TRACEBACK_BYTES * 4]
        return text.rstrip("\n")


def _strip(formatted: traceback.TracebackException, *, depth: int) -> None:
    """Leaves the author's frames only, in the whole chain."""
    own = [frame for frame in formatted.stack if not frame.filename.startswith((_OUR_FOLDER, "<frozen importlib"))]
    formatted.stack = traceback.StackSummary.from_list(own)
    for linked in (formatted.__cause__, formatted.__context__):
        if linked is not None and depth < 20:
            _strip(linked, depth=depth + 1)


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the connector called sys.exit({error.code!r:.200}); a read ends by returning"
    try:
        text = str(error)
    except BaseException:
        return _type(error)
    return text or _type(error)


def _type(error: BaseException) -> str:
    kind = type(error)
    module = getattr(kind, "__module__", "builtins")
    name = str(getattr(kind, "__qualname__", kind.__name__))
    return name if module == "builtins" else f"{module}.{name}"


def _retry(error: BaseException | None) -> tuple[bool, int]:
    """Whether this exception, or one it came from, says that another try may help, and after how many milliseconds."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        names = {kind.__name__ for kind in type(error).__mro__}
        if isinstance(error, (ConnectionError, TimeoutError)) or names & RETRYABLE_NAMES:
            return True, 0
        if "Retryable" in names and any(kind.__module__ == "rowcast" for kind in type(error).__mro__):
            return True, _milliseconds(getattr(error, "retry_after", None))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False, 0


def _milliseconds(seconds: object) -> int:
    if isinstance(seconds, (int, float)) and 0 < seconds < 4_000_000:
        return max(1, int(seconds * 1000))
    return 0


def shown(value: object) -> str:
    """A value of the author for an error message: bounded, and safe whatever its `__repr__` does."""
    try:
        text = repr(value) if not isinstance(value, (str, bytes, bytearray)) else repr(value[:200])
    except BaseException:
        return f"<{type(value).__name__}>"
    return text if len(text) <= 300 else text[:300] + "…"
