"""The one exception a connector author raises on purpose. Runs in the connector's own Python, 3.9 or newer."""

from __future__ import annotations

__all__ = ["Retryable"]


class Retryable(Exception):
    """Raise it when trying again later may help; every other exception of a connector ends the fragment for good.

    `retry_after` is in seconds; up to five minutes, it takes the place of Rowcast's own waits (1, 5, 20, 60 s).
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


# Authors meet the name in tracebacks; it reads as they imported it.
Retryable.__module__ = "rowcast"
