"""The reader's life: START, then one call after the other until the supervisor hangs up."""

from __future__ import annotations

import json
import os
from typing import Any, Callable

from . import sandbox, wire
from .author import Connector, load
from .faults import Reporter
from .link import HungUp, Link, leave
from .listing import Listing
from .outbox import Outbox
from .prints import Index, capture
from .reading import read_fragment


def run(fd: int) -> None:
    """Serves the socket at descriptor `fd`."""
    try:
        reader = Reader(Link(fd))
        if reader.start():
            while True:
                reader.call()
    except (HungUp, KeyboardInterrupt):
        # The hang-up interrupts whatever runs; both say that nobody is left to report to.
        pass
    leave()


class Reader:
    """One connector, loaded, with its context."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._outbox = Outbox(link)
        self._connector: Connector | None = None
        self._context: Any = None

    def start(self) -> bool:
        """Loads the connector and makes its context; false when that failed."""
        kind, payload = self._link.receive()
        if kind == wire.SANDBOX:
            # Before credentials are read, and before the first thread.
            self._outbox.send(wire.CONFINED, "\n".join(sandbox.apply(json.loads(payload))).encode())
            kind, payload = self._link.receive()
        if kind != wire.START:
            raise HungUp
        start = json.loads(payload)
        credentials = start["credentials"]
        self._limit = int(start["fragment_bytes"])
        self._index = Index(int(start["index_fd"]))
        self._reporter = Reporter(credentials=credentials, bundle=start["bundle"])
        self._end_lines = capture(self._index)
        self._link.watch(self._outbox.tick)

        def loading() -> None:
            self._connector = load(
                bundle=start["bundle"], code=start["code"], package=start["package"], parser=start.get("parser")
            )
            if start["check"]:
                self._connector.check_signatures()

        def context() -> None:
            if not start["check"]:
                assert self._connector is not None
                self._context = self._connector.context(credentials)

        return self._step(loading, "connector.load_failed") and self._step(context, "context.failed") and self._ready()

    def _step(self, step: Callable[[], None], code: str) -> bool:
        self._link.busy(True)
        try:
            step()
        except BaseException as error:
            self._hung_up()
            self._outbox.send(wire.FAIL, self._reporter.error(error, code=code))
            return False
        finally:
            self._link.busy(False)
        return True

    def _ready(self) -> bool:
        assert self._connector is not None
        self._outbox.send(wire.READY, b"rows" if self._connector.rows else b"")
        return True

    def call(self) -> None:
        """Waits for a call and makes it."""
        kind, payload = self._link.receive()
        request = json.loads(payload)
        self._index.call()
        self._link.busy(True)
        try:
            if kind == wire.LIST:
                self._list(prefixes=request["prefixes"])
            elif kind == wire.READ:
                self._read(request)
            else:
                raise HungUp
        finally:
            self._link.busy(False)

    def _list(self, *, prefixes: bool) -> None:
        assert self._connector is not None
        self._outbox.begin(reading=False)
        listing = Listing(
            list_objects=self._connector.list_objects, context=self._context, outbox=self._outbox, prefixes=prefixes
        )
        complete, trailer = listing.run(self._reporter)
        self._end_lines()
        self._hung_up()
        # Complete or not, the trailer goes with the frame that says whether this reader may be used again.
        self._outbox.send(wire.DONE if complete else wire.FAIL, trailer)

    def _read(self, request: dict[str, Any]) -> None:
        assert self._connector is not None
        self._outbox.begin(reading=True, message_bytes=request["message_bytes"])
        base = request["base"]
        well = True
        for offset, (*item, traceparent) in enumerate(request["items"]):
            self._index.set(base + offset)
            if traceparent:
                # Where tracing libraries of the author look for it.
                os.environ["TRACEPARENT"] = traceparent
            well = read_fragment(
                index=base + offset,
                item=item,
                read=self._connector.read,
                context=self._context,
                outbox=self._outbox,
                reporter=self._reporter,
                limit=self._limit,
                checksum=request["checksum"],
                end_lines=self._end_lines,
            )
            self._hung_up()
            self._link.check()
            if not well:
                # One failure cannot spoil its neighbour: the supervisor goes on with a fresh reader.
                break
        self._outbox.send(wire.DONE if well else wire.FAIL)

    def _hung_up(self) -> None:
        if self._link.hung_up:
            raise HungUp
