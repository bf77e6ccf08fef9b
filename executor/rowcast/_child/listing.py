"""`list_objects`: the root call, then one call for each prefix, depth first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Callable

from . import wire
from .faults import Fault, Reporter, shown
from .items import Listed, check, metadata
from .outbox import Outbox
from .waiting import Waiting

MAX_FRAGMENTS = 2_000_000
MAX_ITEMS = 10_000_000
MAX_DEPTH = 64
MAX_WARNINGS = 100
# Iterable, but over something else than items.
_NO_ITEMS: tuple[type, ...] = (dict, str, bytes, bytearray, memoryview)


class Listing:
    """One listing. Promise 4: only when every call ended by itself does its trailer say `complete`."""

    def __init__(
        self, *, list_objects: Callable[[Any, Any], Any], context: Any, outbox: Outbox, prefixes: bool
    ) -> None:
        self._list_objects = list_objects
        self._context = context
        self._outbox = outbox
        self._stream_prefixes = prefixes
        self._waiting = Waiting()
        self._visited: set[bytes] = set()
        # Digests of the prefixes that lead to the one being listed, itself included.
        self._path: list[bytes] = []
        self._fragments = self._prefixes = self._calls = self._skipped = 0
        self._warnings: list[str] = []

    def run(self, reporter: Reporter) -> tuple[bool, bytes]:
        """Lists everything; gives whether it is complete, and the encoded trailer."""
        error = b""
        try:
            self._call(None, depth=0)
            while self._waiting:
                depth, prefix = self._waiting.pop()
                del self._path[depth:]
                self._path.append(_identity(prefix))
                self._call(prefix, depth=depth + 1)
        except BaseException as raised:
            error = reporter.error(raised, code="list.failed")
        finally:
            self._waiting.close()
        if self._skipped > MAX_WARNINGS:
            self._warnings.append(f"and {self._skipped - MAX_WARNINGS:,} more prefixes that had been listed before")
        return not error, wire.list_trailer(
            complete=not error,
            fragments=self._fragments,
            prefixes=self._prefixes,
            calls=self._calls,
            error=error,
            warnings=self._warnings,
        )

    def _call(self, prefix: Listed | None, *, depth: int) -> None:
        given = None
        if prefix is not None:
            fingerprint = None if prefix.fingerprint is None else prefix.fingerprint.decode()
            given = metadata(prefix.name.decode(), fingerprint, prefix.extra, is_prefix=True)
        self._calls += 1
        found: list[Listed] = []
        send = self._outbox.item
        fragments = self._fragments
        room = min(MAX_FRAGMENTS, MAX_ITEMS - self._prefixes)
        try:
            for raw in _items(self._list_objects(self._context, given)):
                item = check(raw)
                if item.is_prefix:
                    self._prefix(item, depth, found)
                    room = min(MAX_FRAGMENTS, MAX_ITEMS - self._prefixes)
                    continue
                fragments += 1
                if fragments > room:
                    raise Fault(
                        "list.too_many",
                        f"more than {room:,} fragments; at most {MAX_FRAGMENTS:,} and {MAX_ITEMS:,} items",
                    )
                send(wire.list_item(item.name, item.fingerprint or b"", item.extra, is_prefix=False, depth=depth))
        finally:
            self._fragments = fragments
        # The first one yielded is listed first: it goes on top.
        for item in reversed(found):
            self._waiting.push(depth, item)

    def _prefix(self, item: Listed, depth: int, found: list[Listed]) -> None:
        self._prefixes += 1
        self._outbox.alive()
        if self._prefixes + self._fragments > MAX_ITEMS:
            raise Fault("list.too_many", f"more than {MAX_ITEMS:,} items")
        if self._stream_prefixes:
            sent = wire.list_item(item.name, item.fingerprint or b"", item.extra, is_prefix=True, depth=depth)
            self._outbox.item(sent)
        identity = _identity(item)
        if identity in self._path:
            raise Fault("list.prefix_loop", f"the prefix {_name(item)} yields itself: its listing would never end")
        if identity in self._visited:
            self._skipped += 1
            if self._skipped <= MAX_WARNINGS:
                self._warnings.append(f"the prefix {_name(item)} had been listed before; skipped")
            return
        if depth >= MAX_DEPTH:
            raise Fault("list.too_deep", f"the prefix {_name(item)} is nested more than {MAX_DEPTH} deep")
        self._visited.add(identity)
        found.append(item)


def _items(returned: Any) -> Iterator[Any]:
    """What `list_objects` gave, if it is an iterable that can hold items; else `list.bad_return`."""
    if returned is None:
        raise Fault(
            "list.bad_return", "`list_objects` returned None; yield the items, or return a list (an empty one for none)"
        )
    kind: str = type(returned).__name__
    if isinstance(returned, _NO_ITEMS) or not hasattr(returned, "__iter__"):
        message = f"`list_objects` returned a {kind}, not an iterable of items: {shown(returned)}"
        raise Fault("list.bad_return", message)
    return iter(returned)


def _identity(item: Listed) -> bytes:
    """A prefix is the same when its name and its extra keys are; its fingerprint does not count."""
    digest = hashlib.blake2b(item.name, digest_size=16)
    if item.extra:
        keys = json.loads(item.extra)
        keys.pop("fingerprint", None)
        digest.update(b"\0" + json.dumps(keys, sort_keys=True).encode())
    return digest.digest()


def _name(item: Listed) -> str:
    return shown(item.name.decode())
