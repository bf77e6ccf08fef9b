"""Rowcast, as a connector sees it: `from rowcast import Retryable`. Imports nothing heavy: every reader may load it."""

from rowcast.errors import Retryable

__all__ = ["Retryable"]
