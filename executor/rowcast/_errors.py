"""What goes wrong in the executor itself. The author's failures are no exceptions here: they travel as messages.

```
ExecutorError              code, message
├── BadRequest             executor.bad_request     the caller broke the contract of the link: stop
├── Busy                   executor.busy            as many sessions or readers as it may run: wait
├── BundleMissing          bundle.missing           PutBundle first
├── Draining               executor.draining        it is about to end: another executor
├── EnvironmentMissing     environment.missing      Prepare first
├── SessionExpired         session.expired          open a new session
└── StaleEpoch             executor.stale_epoch     another executor answers here now: open a new session
AuthorFailure              an encoded UserError, on its way into the stream's last message
Usage                      the command line asks for what cannot be: exit code 2
```
"""

from __future__ import annotations

from rowcast._child import wire


class ExecutorError(Exception):
    """Ends the call with a gRPC status; `code` is the first word of its details."""

    code = "executor.internal"

    def __str__(self) -> str:
        return f"{self.code}: {super().__str__()}"


class BadRequest(ExecutorError):
    code = "executor.bad_request"


class Busy(ExecutorError):
    code = "executor.busy"


class Draining(ExecutorError):
    code = "executor.draining"


class BundleMissing(ExecutorError):
    code = "bundle.missing"


class EnvironmentMissing(ExecutorError):
    code = "environment.missing"


class SessionExpired(ExecutorError):
    code = "session.expired"


class StaleEpoch(ExecutorError):
    code = "executor.stale_epoch"


class AuthorFailure(Exception):
    """The author's code, or the packages it asks for, failed. `error` is an encoded `UserError`."""

    def __init__(self, error: bytes) -> None:
        super().__init__("the author's code failed")
        self.error = error


def author_failure(code: str, message: str, *, retryable: bool = False, traceback: str = "") -> AuthorFailure:
    """One that is told by the executor, not by the reader."""
    return AuthorFailure(wire.user_error(code=code, message=message, retryable=retryable, traceback=traceback))


class Usage(Exception):
    """What the command line asks for cannot be; the message says which option and what to do."""
