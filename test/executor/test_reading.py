"""`read_bytes`: chunks, returns, messages, errors."""

from __future__ import annotations

import pytest

from rowcast.v1 import executor_pb2 as pb


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ("yield 'a'; yield b'b'; yield bytearray(b'c'); yield memoryview(b'd')", b"abcd"),
        ("yield 'é\\n'; yield ''; yield b''; yield '€'", "é\n€".encode()),
        ("yield memoryview(b'abcdef')[::2]", b"ace"),
        ("import array; yield memoryview(array.array('H', [1, 2]))", b"\x01\x00\x02\x00"),
        ("return b'whole'", b"whole"),
        ("return 'whole'", b"whole"),
        ("return ['a', b'b']", b"ab"),
        ("return iter(['a', b'b'])", b"ab"),
        ("return; yield", b""),
        ("return []", b""),
        ("import io; return io.BytesIO(b'a\\nb\\n')", b"a\nb\n"),
        ("import io; return io.StringIO('é' * 3)", "ééé".encode()),
        (
            "b = bytearray(b'aa'); yield b; b[:] = b'bb'; yield memoryview(b); b[:] = b'cc'",
            b"aabb",
        ),
    ],
)
async def test_a_fragment_is_the_concatenation_of_what_was_yielded(rowcast, body: str, data: bytes) -> None:
    connector = await rowcast.open(f"def read_bytes(context, metadata):\n    {body}\n")
    read = await connector.read()
    assert read.data[0] == data
    assert not read.trailers[0].HasField("error")


async def test_an_object_with_read_is_closed(rowcast) -> None:
    connector = await rowcast.open("""
        class File:
            closed = 0
            def __init__(self): self.left = [b'a', 'b', b'']
            def read(self, size): return self.left.pop(0)
            def close(self): File.closed += 1
        def read_bytes(context, metadata):
            return File() if metadata["name"] == "f" else str(File.closed)
    """)
    read = await connector.read("f", "closed")
    assert read.data == {0: b"ab", 1: b"1"}


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ("yield 'x'; yield None", "read.bad_chunk", "NoneType"),
        ("yield 5", "read.bad_chunk", "int"),
        ("yield {'a': 1}", "read.bad_chunk", "{'a': 1}"),
        ("yield 'ok \\ud800'", "read.bad_chunk", "lone surrogate"),
        ("yield 'a' * 1_048_577 + '\\udfff'", "read.bad_chunk", "character 1,048,577"),
        ("return None", "read.bad_return", "None"),
        ("return {}", "read.bad_return", "dict"),
        ("return 5", "read.bad_return", "int"),
        ("return True", "read.bad_return", "bool"),
        ("return object()", "read.bad_return", "object"),
        ("raise ValueError('no')", "read.failed", "no"),
        ("yield 'a'; raise KeyError('no')", "read.failed", "no"),
        ("raise StopIteration", "read.failed", "StopIteration"),
        ("yield 'a'; raise StopIteration", "read.failed", "StopIteration"),
        ("raise KeyboardInterrupt", "read.failed", "KeyboardInterrupt"),
        ("yield 'a'; raise GeneratorExit", "read.failed", "GeneratorExit"),
        ("raise MemoryError", "read.memory", "MemoryError"),
        ("yield 'a'; import sys; sys.exit(0)", "read.exited", "sys.exit(0)"),
        ("def f(): return f()\n    f()", "read.failed", "recursion"),
    ],
)
async def test_what_is_no_data_fails_the_fragment_alone(rowcast, body: str, code: str, says: str) -> None:
    good = "def read_bytes(context, metadata):\n    return bad() if metadata['name'] == 'bad' else 'good'\n"
    connector = await rowcast.open(f"{good}def bad():\n    {body}\n")
    read = await connector.read("before", "bad", "after")
    assert read.error(1).code == code
    assert says in read.error(1).message
    assert not read.error(1).retryable
    assert (read.data[0], read.data[2]) == (b"good", b"good")
    assert read.end == pb.ReadTrailer(fragments=3, bytes=8 + read.trailers[1].bytes)


async def test_an_async_generator_is_a_bad_return(rowcast) -> None:
    connector = await rowcast.open("async def read_bytes(context, metadata):\n    yield b'x'\n")
    error = (await connector.read()).error()
    assert error.code == "read.bad_return"
    assert "async def" in error.message


async def test_after_a_failed_fragment_the_next_has_a_fresh_context(rowcast) -> None:
    connector = await rowcast.open("""
        import os
        def context(credentials): return []
        def read_bytes(context, metadata):
            context.append(metadata["name"])
            if metadata["name"] == "bad": raise ValueError
            return f"{os.getpid()}:{','.join(context)}"
    """)
    read = await connector.read("a", "b", "bad", "c")
    (pid_a, a), (pid_b, b), (pid_c, c) = (read.data[i].decode().split(":") for i in (0, 1, 3))
    assert (a, b, c) == ("a", "a,b", "c")
    assert pid_a == pid_b != pid_c


async def test_an_error_shows_type_message_and_the_authors_frames_only(rowcast) -> None:
    connector = await rowcast.open("""
        import json
        def read_bytes(context, metadata):
            try:
                json.loads("{")
            except ValueError as error:
                raise RuntimeError("not what I expected") from error
    """)
    error = (await connector.read()).error()
    assert (error.code, error.type, error.message) == ("read.failed", "RuntimeError", "not what I expected")
    assert 'File "connector.py", line 5, in read_bytes' in error.traceback
    assert "JSONDecodeError" in error.traceback
    assert "_child" not in error.traceback
    assert str(rowcast.home) not in error.traceback


async def test_a_hostile_exception_is_told_within_its_bounds(rowcast) -> None:
    connector = await rowcast.open("""
        class Rude(Exception):
            def __str__(self): raise ValueError("no text for you")
        def read_bytes(context, metadata):
            if metadata["name"] == "rude": raise Rude
            raise ValueError("x" * 100_000_000)
    """)
    read = await connector.read("rude", "large")
    assert read.error(0).message == "connector.Rude"
    assert len(read.error(1).message.encode()) <= 4 << 10
    assert len(read.error(1).traceback.encode()) <= 16 << 10


@pytest.mark.parametrize(
    ("raised", "retryable", "milliseconds"),
    [
        ("Retryable('later')", True, 0),
        ("Retryable('later', retry_after=1.5)", True, 1500),
        ("ConnectionResetError('x')", True, 0),
        ("TimeoutError('x')", True, 0),
        ("type('NetworkError', (Exception,), {})('x')", True, 0),
        ("type('Sub', (type('Timeout', (Exception,), {}),), {})('x')", True, 0),
        ("OSError('x')", False, 0),
        ("ValueError('x')", False, 0),
    ],
)
async def test_what_may_be_tried_again(rowcast, raised: str, retryable: bool, milliseconds: int) -> None:
    connector = await rowcast.open(f"""
        from rowcast import Retryable
        def read_bytes(context, metadata):
            if metadata["name"] == "plain": raise {raised}
            try:
                raise {raised}
            except Exception as error:
                if metadata["name"] == "cause": raise KeyError("wrapped") from error
                if metadata["name"] == "context": raise KeyError("wrapped")
                raise KeyError("hidden") from None
    """)
    read = await connector.read("plain", "cause", "context", "none")
    for index in range(3):
        error = read.error(index)
        assert (error.retryable, error.retry_after_ms) == (retryable, milliseconds)
    assert not read.error(3).retryable


async def test_rowcast_is_there_but_its_neighbours_are_not(rowcast) -> None:
    connector = await rowcast.open("""
        import sys
        from rowcast import Retryable
        import rowcast
        def read_bytes(context, metadata):
            try:
                import rowcast._bundles, uv
            except ImportError as error:
                yield f"{error.name} "
            yield ",".join(sorted(set(sys.modules) & {"grpc", "google", "asyncio"}))
    """)
    assert (await connector.read()).data[0] in (b"uv ",)


async def test_small_fragments_share_a_message(rowcast) -> None:
    connector = await rowcast.open("def read_bytes(context, metadata):\n    yield metadata['name']\n")
    read = await connector.read(*(f"fragment {n}" for n in range(500)))
    assert read.data == {n: f"fragment {n}".encode() for n in range(500)}
    assert len(read.messages) <= 3


async def test_tiny_chunks_are_joined_and_large_ones_cut(rowcast) -> None:
    connector = await rowcast.open("""
        def read_bytes(context, metadata):
            if metadata["name"] == "large": return b"0123456789" * 500_000
            return (b"%06d" % n for n in range(400_000))
    """)
    read = await connector.read("tiny", "large")
    assert read.data[0] == b"".join(b"%06d" % n for n in range(400_000))
    assert read.data[1] == b"0123456789" * 500_000
    sizes = [message.ByteSize() for message in read.messages]
    assert max(sizes) <= (1 << 20) + 1024
    assert len(sizes) <= 16


@pytest.mark.parametrize("size", [1, 1000, 65_536, 2 << 20, 2**32 - 1])
async def test_the_caller_chooses_the_size_of_a_message(rowcast, size: int) -> None:
    connector = await rowcast.open(
        "def read_bytes(context, metadata):\n    yield from (b'abc', b'de' * 3, b'f' * 5000)\n"
    )
    read = await connector.read("a", "b", message_bytes=size)
    assert read.data[0] == read.data[1] == b"abcdedede" + b"f" * 5000
    assert all(message.ByteSize() <= min(size, 2 << 20) + 128 for message in read.messages)


async def test_bytes_wait_no_longer_than_the_author_does(rowcast, tmp_path) -> None:
    go = tmp_path / "go"
    connector = await rowcast.open(f"""
        import os, time
        def read_bytes(context, metadata):
            yield b"first"
            while not os.path.exists({str(go)!r}): time.sleep(0.01)
            yield b"second"
    """)
    parts = []
    async for message in connector.start_read(["f"]):
        parts += [piece.data for piece in message.pieces if piece.data]
        go.touch()
    assert parts == [b"first", b"second"]


async def test_the_item_arrives_as_it_was_yielded(rowcast) -> None:
    connector = await rowcast.open("""
        import json
        def list_objects(context, metadata):
            yield {"fingerprint": "1", "name": "a", "big": 12345678901234567890123, "pair": (1, [2]), "none": None}
            yield {"name": "b", "fingerprint": ""}
        def read_bytes(context, metadata):
            return json.dumps(metadata)
    """)
    assert await connector.refresh() == {
        "a": b'{"fingerprint": "1", "name": "a", "big": 12345678901234567890123, "pair": [1, [2]], "none": null,'
        b' "is_prefix": false}',
        "b": b'{"name": "b", "fingerprint": "", "is_prefix": false}',
    }


async def test_a_fragment_over_its_limit_fails(rowcast) -> None:
    connector = await rowcast.open(
        "def read_bytes(context, metadata):\n    while True: yield b'x' * 100\n", limits=pb.Limits(fragment_bytes=1000)
    )
    read = await connector.read()
    assert read.error().code == "fragment.limit"
    assert read.trailers[0].bytes == 1000


async def test_up_to_concurrency_calls_run_at_a_time_and_readers_are_used_again(rowcast) -> None:
    connector = await rowcast.open(
        "import os\ndef read_bytes(context, metadata): return str(os.getpid())", concurrency=1
    )
    pids = {(await connector.read()).data[0] for _ in range(3)}
    assert len(pids) == 1
    info = await rowcast.stub.GetInfo(pb.GetInfoRequest())
    assert (info.readers, info.sessions) == (1, 1)


async def test_a_retry_gets_a_new_process_with_a_new_context(rowcast) -> None:
    connector = await rowcast.open(
        "import os\ndef context(credentials): return os.getpid()\ndef read_bytes(pid, metadata): return str(pid)\n"
    )
    first, again, fresh = [(await connector.read("f", fresh_reader=wanted)).data[0] for wanted in (False, False, True)]
    assert first == again != fresh
    # The old one made room.
    while (await rowcast.stub.GetInfo(pb.GetInfoRequest())).readers > 1:
        pass


async def test_the_author_finds_the_trace_of_its_fragment_in_the_environment(rowcast) -> None:
    connector = await rowcast.open("import os\ndef read_bytes(c, m): return os.environ.get('TRACEPARENT', 'none')\n")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    items = [pb.Item(name="a"), pb.Item(name="b", traceparent=trace)]
    assert (await connector.read(*items)).data == {0: b"none", 1: trace.encode()}
