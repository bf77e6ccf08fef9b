"""The author's own parser: a reader over what `read_bytes` yields, and rows in place of bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Callable, cast

from .faults import Fault
from .reading import Read, Sink, chunks, to_bytes
from .rows import encode_row


class SourceReader:
    """What a parser reads from: lines by iteration, `read(n)`, `close()`. Pulls from `read_bytes` as it goes."""

    def __init__(self, returned: Any, sink: Sink) -> None:
        self._returned = returned
        self._sink = sink
        self._chunks: Iterator[bytes] | None = None
        self._buffer = b""
        self._at = 0
        # What `read_bytes` raised: told as its failure, not as the parser's.
        self.failure: BaseException | None = None
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def __enter__(self) -> SourceReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readable(self) -> bool:
        """For `io.TextIOWrapper` and its like."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def seekable(self) -> bool:
        """It is not."""
        return False

    def readline(self, size: int = -1) -> bytes:
        """The next line with its newline, as a binary file splits them: at b"\\n" only. b"" at the end."""
        parts: list[bytes] = []
        while True:
            end = self._buffer.find(b"\n", self._at)
            if end >= 0:
                parts.append(self._buffer[self._at : end + 1])
                self._at = end + 1
                break
            parts.append(self._buffer[self._at :])
            self._buffer, self._at = self._pull(), 0
            if not self._buffer:
                break
        line = b"".join(parts)
        if 0 <= size < len(line):
            self._buffer, self._at = line[size:] + self._buffer[self._at :], 0
            return line[:size]
        return line

    def read(self, n: int | None = -1) -> bytes:
        """Up to `n` bytes, fewer only at the end; all that is left without `n`."""
        wanted = -1 if n is None else n
        parts: list[bytes] = []
        while wanted:
            if self._at >= len(self._buffer):
                self._buffer, self._at = self._pull(), 0
                if not self._buffer:
                    break
            part = self._buffer[self._at :] if wanted < 0 else self._buffer[self._at : self._at + wanted]
            self._at += len(part)
            wanted -= len(part) if wanted > 0 else 0
            parts.append(part)
        return b"".join(parts)

    read1 = read

    def readinto(self, into: Any) -> int:
        """Fills a buffer."""
        view = memoryview(into).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Ends `read_bytes`; nothing comes after it."""
        if self.closed:
            return
        self.closed = True
        self._buffer, self._at = b"", 0
        close = getattr(self._returned, "close", None)
        if callable(close):
            close()

    def _pull(self) -> bytes:
        if self.closed:
            return b""
        try:
            if self._chunks is None:
                self._chunks = to_bytes(chunks(self._returned), self._sink)
            return next((chunk for chunk in self._chunks if chunk), b"")
        except BaseException as error:
            self.failure = error
            raise


def reads_rows(read_rows: Callable[[Any, Any], Any]) -> Read:
    """For `read_rows(context, metadata)`."""

    def read(context: Any, metadata: Any, sink: Sink) -> None:
        _put_all(read_rows(context, metadata), _put(sink), "read_rows", "read.bad_return")

    return read


def parses(read_bytes: Callable[[Any, Any], Any], parser: Callable[..., Any]) -> Read:
    """For `parser_function(reader, onNext)` or `parse(reader)` over what `read_bytes` gives."""
    callback = takes_callback(parser)
    name = getattr(parser, "__name__", "parser_function")

    def read(context: Any, metadata: Any, sink: Sink) -> None:
        source = SourceReader(read_bytes(context, metadata), sink)
        put = _put(sink)
        sink.parsing = True
        try:
            if callback:
                parser(source, put)
            else:
                _put_all(parser(source), put, name, "parser.failed")
        except BaseException as error:
            if source.failure is not None and source.failure in _chain(error):
                sink.parsing = False
            raise
        finally:
            source.close()

    return read


def _put(sink: Sink) -> Callable[[object], None]:
    """`onNext`: blocks while the consumer is slow; BadRow, which is a TypeError, for what cannot be sent."""

    def onNext(row: object) -> None:
        sink.put(encode_row(row, sink.rows + 1))
        sink.rows += 1

    return onNext


def _put_all(returned: Any, put: Callable[[object], None], what: str, code: str) -> None:
    kind: str = type(returned).__name__
    if returned is None or isinstance(returned, (dict, str, bytes)) or not hasattr(returned, "__iter__"):
        raise Fault(code, f"`{what}` gave a {kind}, not rows; yield dicts")
    for row in cast("Iterable[Any]", returned):
        put(row)


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def takes_callback(function: Callable[..., Any]) -> bool:
    """Whether a parser is `parser_function(reader, onNext)`, else it is `parse(reader)`; `connector.bad_signature`."""
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    # `def parse(reader, encoding="utf-8")` takes two as well, but yields.
    for count in (1, 2) if inspect.isgeneratorfunction(function) else (2, 1):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count == 2
    name = getattr(function, "__name__", "parser_function")
    message = f"a parser takes (reader, onNext), or (reader) and yields; it is defined as `{name}{signature}`"
    raise Fault("connector.bad_signature", message)
