"""Readers that die, hang, or send garbage: each gets its code, and the rest of the call goes on."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from rowcast.v1 import executor_pb2 as pb

DEATHS = [
    ("os._exit(0)", "read.exited", "exit status 0", False),
    ("os._exit(7)", "read.exited", "exit status 7", False),
    ("os.kill(os.getpid(), signal.SIGKILL)", "read.crashed", "SIGKILL", True),
    ("ctypes.string_at(0)", "read.crashed", "SIGSEGV", True),
    ("os.abort()", "read.crashed", "SIGABRT", True),
    ("os.closerange(3, 4096)", "read.exited", "", False),
]


@pytest.mark.parametrize(("how", "code", "says", "retryable"), DEATHS, ids=[death[0] for death in DEATHS])
@pytest.mark.parametrize("sent", [0, 3 << 20])
async def test_a_dead_reader_costs_its_fragment_only(
    rowcast, how: str, code: str, says: str, retryable: bool, sent: int
) -> None:
    connector = await rowcast.open(f"""
        import ctypes, os, signal
        def read_bytes(context, metadata):
            if metadata["name"] == "bad":
                yield b"x" * {sent}
                {how}
            yield metadata["name"]
    """)
    read = await connector.read("a", "b", "bad", "c", "d")
    assert {index: read.data[index] for index in (0, 1, 3, 4)} == {0: b"a", 1: b"b", 3: b"c", 4: b"d"}
    error = read.error(2)
    assert (error.code, error.retryable) == (code, retryable)
    assert says in error.message
    assert sum(trailer.HasField("error") for trailer in read.trailers.values()) == 1


async def test_fragments_that_died_unsent_are_read_again_and_each_crash_has_its_trailer(rowcast, tmp_path) -> None:
    connector = await rowcast.open(f"""
        import os, signal
        def read_bytes(context, metadata):
            with open({str(tmp_path / "reads")!r}, "a") as log: log.write(metadata["name"])
            if metadata["name"] in "cf": os.kill(os.getpid(), signal.SIGKILL)
            return metadata["name"]
    """)
    read = await connector.read(*"abcdefg")
    assert "".join(read.data[n].decode() for n in (0, 1, 3, 4, 6)) == "abdeg"
    assert [n for n, trailer in read.trailers.items() if trailer.HasField("error")] == [2, 5]
    assert (tmp_path / "reads").read_text() == "abcabdefdeg"


async def test_a_segfault_shows_the_authors_line(rowcast) -> None:
    connector = await rowcast.open("import ctypes\ndef read_bytes(context, metadata):\n    ctypes.string_at(0)\n")
    error = (await connector.read()).error()
    assert "Segmentation fault" in error.traceback
    assert "line 3 in read_bytes" in error.traceback
    assert "_child" not in error.traceback


@pytest.mark.parametrize(
    "hang",
    ["time.sleep(60)", "re.match('(a+)+$', 'a' * 60 + 'b')", "signal.sigwait([])", "print('still here') or spin()"],
)
async def test_a_fragment_that_yields_nothing_stalls(rowcast, hang: str) -> None:
    connector = await rowcast.open(
        f"""
        import re, signal, time
        def spin():
            while True:
                print("and here")
                time.sleep(0.1)
        def read_bytes(context, metadata):
            yield b"some"
            if metadata["name"] == "bad": {hang}
        """,
        limits=pb.Limits(stall_seconds=1),
    )
    read = await connector.read("good", "bad", "fine")
    assert (read.error(1).code, read.error(1).retryable) == ("fragment.stalled", True)
    assert "in read_bytes" in read.error(1).traceback
    assert (read.data[0], read.data[2]) == (b"some", b"some")


async def test_listing_context_and_import_stall_too(rowcast) -> None:
    limits = pb.Limits(stall_seconds=1)
    listing = await rowcast.open("import time\ndef list_objects(c, m):\n    time.sleep(60)\n", limits=limits)
    context = await rowcast.open("import time\ndef context(credentials):\n    time.sleep(60)\n", limits=limits)
    module = await rowcast.open("import time\ntime.sleep(60)\n", limits=limits)
    stalled = await asyncio.gather(*(connector.list_error() for connector in (listing, context, module)))
    assert [error.code for error in stalled] == ["list.stalled", "context.stalled", "context.stalled"]
    assert all(error.retryable for error in stalled)


async def test_a_slow_author_who_yields_is_not_stalled(rowcast) -> None:
    connector = await rowcast.open(
        """
        import time
        def list_objects(context, metadata):
            for n in range(4):
                time.sleep(0.5)
                if metadata:
                    yield {"name": metadata["name"], "fingerprint": ""}
                    return
                yield {"name": str(n), "is_prefix": True}
        def read_bytes(context, metadata):
            for n in range(4):
                time.sleep(0.5)
                yield b""
        """,
        limits=pb.Limits(stall_seconds=2),
    )
    (items, trailer), read = await asyncio.gather(connector.list(), connector.read())
    assert trailer.complete
    assert len(items) == 4
    assert read.data == {0: b""}
    assert not read.trailers[0].HasField("error")


async def test_a_slow_consumer_never_counts_as_a_stall(rowcast) -> None:
    connector = await rowcast.open(
        "def read_bytes(context, metadata):\n    for n in range(40): yield bytes(1 << 20)\n",
        limits=pb.Limits(stall_seconds=1),
    )
    size = 0
    call = connector.start_read(["f"])
    waited = asyncio.Event()
    # Longer than the stall limit, with nothing read: the clock itself is under test.
    asyncio.get_running_loop().call_later(1.5, waited.set)
    await waited.wait()
    async for message in call:
        size += sum(len(piece.data) for piece in message.pieces)
        assert not any(piece.trailer.HasField("error") for piece in message.pieces)
    assert size == 40 << 20


@pytest.mark.parametrize(
    "garbage", ["b'garbage' * 100", "bytes([255] * 5)", "bytes([0, 0, 0, 1, 7])", "bytes([0, 0, 0, 0, 5])"]
)
async def test_what_is_no_frame_is_corrupt(rowcast, garbage: str) -> None:
    connector = await rowcast.open(f"""
        import os, socket, time
        def read_bytes(context, metadata):
            if metadata["name"] == "bad":
                for fd in range(3, 400):
                    try: socket.socket(fileno=os.dup(fd)).send({garbage})
                    except OSError: pass
                time.sleep(60)
            yield b"good"
    """)
    read = await connector.read("bad", "next")
    assert (read.error(0).code, read.error(0).retryable) == ("read.corrupt", True)
    assert read.data[1] == b"good"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("def context(credentials): raise ValueError('no')", "context.failed"),
        ("def context(credentials): raise TimeoutError('no')", "context.failed"),
        ("import os\ndef context(credentials): os._exit(3)", "read.exited"),
        ("import os\ndef context(credentials): os.abort()", "read.crashed"),
        ("raise ValueError('at import')", "connector.load_failed"),
        ("context = 5", "connector.missing_function"),
    ],
)
async def test_without_a_context_nothing_is_listed_or_read(rowcast, source: str, code: str) -> None:
    connector = await rowcast.open(source + "\n")
    error = await connector.list_error()
    assert error.code == code
    assert error.retryable is ("TimeoutError" in source or code == "read.crashed")
    read = await connector.read("a", "b")
    assert not read.trailers
    assert read.end is not None
    assert read.end.error.code == code


async def test_a_reader_that_cannot_be_replaced_ends_the_call_with_the_reason(rowcast, tmp_path) -> None:
    connector = await rowcast.open(f"""
        import os
        def context(credentials):
            os.mkdir({str(tmp_path / "once")!r})
        def read_bytes(context, metadata):
            if metadata["name"] == "bad": raise ValueError
            return b"good"
    """)
    read = await connector.read("good", "bad", "rest")
    assert sorted(read.trailers) == [0, 1]
    assert read.end.error.code == "context.failed"


async def test_an_abandoned_read_kills_its_reader_and_its_children(rowcast, gone) -> None:
    connector = await rowcast.open("""
        import os, subprocess, time
        def read_bytes(context, metadata):
            child = subprocess.Popen(["sleep", "600"])
            yield f"{os.getpid()} {child.pid} "
            while True:
                try: time.sleep(600)
                except BaseException: pass
    """)
    call = connector.start_read(["f"])
    first = await call.read()
    pids = [int(pid) for pid in first.pieces[0].data.split()]
    assert call.cancel()
    for pid in pids:
        await gone(pid)


async def test_a_listing_that_never_ends_can_be_abandoned(rowcast) -> None:
    connector = await rowcast.open("""
        import itertools
        def list_objects(context, metadata):
            return ({"name": str(n % 1000), "fingerprint": ""} for n in itertools.count())
    """)
    call = connector.stub.ListObjects(pb.ListObjectsRequest(session=connector.session))
    assert (await call.read()).items
    assert call.cancel()
    while (await rowcast.stub.GetInfo(pb.GetInfoRequest())).readers:
        pass


async def test_closing_a_session_lets_finally_blocks_run_then_leaves_nothing(rowcast, tmp_path, gone) -> None:
    connector = await rowcast.open(f"""
        import os, time
        def read_bytes(context, metadata):
            try:
                yield str(os.getpid())
                time.sleep(600)
            finally:
                open({str(tmp_path / "finally")!r}, "w").close()
    """)
    call = connector.start_read(["f"])
    pid = int((await call.read()).pieces[0].data)
    await connector.close()
    await gone(pid)
    assert (tmp_path / "finally").exists()
    assert await call.code() is grpc.StatusCode.NOT_FOUND
    assert (await call.details()).startswith("session.expired: ")


async def test_a_reader_that_will_not_end_is_killed_after_two_seconds(rowcast, gone) -> None:
    connector = await rowcast.open("""
        import os, signal, threading, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        threading.Thread(target=time.sleep, args=(600,)).start()
        def read_bytes(context, metadata): return str(os.getpid())
    """)
    pid = int((await connector.read()).data[0])
    await connector.close()
    await gone(pid)
