"""What the author prints: log lines with the fragment's name, never data, never a secret."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from rowcast import _logs
from rowcast._child.redact import Redactor
from rowcast._logs import QUEUE_LINES, Line, LogQueue
from rowcast.v1 import executor_pb2 as pb


async def test_prints_and_logging_are_lines_of_their_fragment(rowcast) -> None:
    connector = await rowcast.open("""
        import logging, os, subprocess, sys
        print("at import")
        def list_objects(context, metadata):
            print("listing")
            return []
        def read_bytes(context, metadata):
            print(metadata["name"], "one", end="")
            print(" line")
            logging.warning("careful")
            sys.stdout.buffer.write(b"\\xff binary\\n")
            os.write(1, b"from C\\n")
            subprocess.run(["echo", "from a child"])
            sys.stderr.write("no newline")
            return "data"
    """)
    await connector.list()
    read = await connector.read("f", "g")
    assert read.data == {0: b"data", 1: b"data"}
    lines = await connector.logs()
    assert [line.text for line in lines if not line.fragment] == ["at import", "listing"]
    for name in "fg":
        ours = [line for line in lines if line.fragment == name]
        assert [line.text for line in ours if line.stream == "stdout"] == [
            f"{name} one line",
            "\ufffd binary",
            "from C",
            "from a child",
        ]
        assert [line.text for line in ours if line.stream == "stderr"] == ["WARNING:root:careful", "no newline"]
    assert all(line.time_unix_us > 1_700_000_000_000_000 for line in lines)


async def test_lines_of_many_small_fragments_keep_their_names(rowcast) -> None:
    connector = await rowcast.open("def read_bytes(context, metadata):\n    print(metadata['name'])\n    return b''\n")
    await connector.read(*(f"a{n}" for n in range(200)))
    await connector.read(*(f"b{n}" for n in range(200)))
    lines = await connector.logs()
    assert [line.text for line in lines] == [f"{c}{n}" for c in "ab" for n in range(200)]
    assert all(line.text == line.fragment for line in lines)


async def test_what_a_connector_printed_before_it_failed_to_load_is_told(rowcast) -> None:
    source = "import sys\nprint('so far')\nprint('so good', file=sys.stderr)\nraise KeyError('then')\n"
    last = (await rowcast.prepare(await rowcast.put({"connector.py": source.encode()}), load=True))[-1]
    assert last.error.code == "connector.load_failed"
    assert sorted(line.text for line in last.logs) == ["so far", "so good"]
    assert {line.fragment for line in last.logs} == {""}


async def test_a_line_is_cut_and_a_flood_is_counted(rowcast) -> None:
    connector = await rowcast.open("""
        def read_bytes(context, metadata):
            if metadata["name"] == "long": print("é" * 100_000)
            if metadata["name"] == "flood":
                for n in range(300): print("x" * 9_999)
            print("end")
            return b"data"
    """)
    assert (await connector.read("long", "flood", "after")).data == {0: b"data", 1: b"data", 2: b"data"}
    lines = await connector.logs()
    long, *_ = [line.text for line in lines if line.fragment == "long"]
    assert len(long.encode()) <= 16 << 10
    flood = [line.text for line in lines if line.fragment == "flood"]
    assert sum(map(len, flood)) <= (1 << 20) + 200
    assert flood[-1].startswith("… ")
    assert "more lines" in flood[-1]
    assert [line.text for line in lines if line.fragment == "after"] == ["end"]


async def test_an_author_who_closes_stdout_still_yields(rowcast) -> None:
    connector = await rowcast.open("""
        import os, sys
        def read_bytes(context, metadata):
            sys.stdout.close(); os.close(2); os.close(1); os.close(0)
            return b"data"
    """)
    assert (await connector.read()).data == {0: b"data"}


async def test_the_queue_keeps_the_newest_thousand_and_counts_the_rest() -> None:
    queue = LogQueue()
    for n in range(QUEUE_LINES + 5):
        queue.put(Line(time_us=n, stream="stdout", text=str(n), fragment=""))
    queue.close()
    taken = await queue.take(max_bytes=1 << 30)
    assert taken is not None
    assert (len(taken.lines), taken.dropped, taken.lines[0].text) == (QUEUE_LINES, 5, "5")
    assert await queue.take(max_bytes=1 << 30) is None


async def test_a_flush_is_answered_when_the_lines_before_it_have_been_given() -> None:
    queue = LogQueue()

    def put(text: str) -> None:
        queue.put(Line(time_us=0, stream="stdout", text=text, fragment=""))

    queue.flush(1)
    empty = await queue.take(max_bytes=1 << 20)
    assert empty is not None
    assert (empty.lines, empty.flushed) == ([], 1)
    put("a")
    put("b")
    queue.flush(2)
    put("c")
    first = await queue.take(max_bytes=1)
    assert first is not None
    assert ([line.text for line in first.lines], first.flushed) == (["a"], 0)
    # Lines behind the flush do not hold it up.
    second = await queue.take(max_bytes=1)
    assert second is not None
    assert ([line.text for line in second.lines], second.flushed) == (["b"], 2)
    # Nor do lines that made room.
    for n in range(QUEUE_LINES):
        put(str(n))
    queue.flush(3)
    for n in range(QUEUE_LINES):
        put(str(n))
    third = await queue.take(max_bytes=1)
    assert third is not None
    assert (third.dropped, third.flushed) == (QUEUE_LINES + 1, 3)


async def test_lines_of_a_fragment_come_before_the_answer_to_a_flush(rowcast, monkeypatch) -> None:
    # A pipe that was read once waits for ever for its next turn: what it holds comes by the flush alone.
    monkeypatch.setattr(_logs, "_READ", 64)
    monkeypatch.setattr(_logs, "BYTES_PER_SECOND", 0.001)
    connector = await rowcast.open("""
        import sys
        def read_bytes(context, metadata):
            for n in range(9): print(metadata["name"], n, "x" * 50, file=(sys.stdout, sys.stderr)[n % 2])
            print(metadata["name"], 9, end="")
            return "data"
    """)
    asked: asyncio.Queue[int] = asyncio.Queue()

    async def requests() -> AsyncIterator[pb.AttachRequest]:
        yield pb.AttachRequest(session=connector.session)
        while flush := await asked.get():
            yield pb.AttachRequest(flush=flush)

    attached = connector.stub.Attach(requests())
    await attached.initial_metadata()
    for number in range(1, 5):
        name = f"f{number}"
        await connector.read(name)
        asked.put_nowait(number)
        lines: list[str] = []
        async for message in attached:
            lines += [line.text.partition(" x")[0] for line in message.logs]
            if message.flushed == number:
                break
        assert sorted(lines) == sorted(f"{name} {n}" for n in range(10))
    asked.put_nowait(0)
    await connector.close()


SECRETS = ["hunter22", 'pa"ss\\wörd/+ &', "multi-one\nmulti-two"]
FORMS = {
    "raw": str,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "urlsafe": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "url": lambda secret: quote(secret, safe=""),
    "json": json.dumps,
    "repr": repr,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "json"])
async def test_promise_10_no_secret_in_a_log_or_an_error(rowcast, form: str, secret: str, wrapped: bool) -> None:
    shown = FORMS[form](secret)
    credentials = json.dumps({"user": "bob", "auth": [{"password": secret}]}) if wrapped else secret
    connector = await rowcast.open(
        f"""
        SHOWN = {shown!r}
        def read_bytes(context, metadata):
            print("a", SHOWN)
            print("x" * 16370 + SHOWN)
            raise type(SHOWN, (ValueError,), {{}})("y" * 4090 + SHOWN)
        """,
        credentials=credentials,
    )
    error = (await connector.read()).error()
    lines = await connector.logs()
    assert len(lines) >= 2
    canaries = [part for part in (shown, *secret.splitlines()) if len(part) >= 6]
    for text in (*(line.text for line in lines), error.message, error.type):
        assert not [canary for canary in canaries if canary in text]
        assert not any(text.endswith(canary[:6]) for canary in canaries)
    # The author's source line is part of a traceback; the secret of this test stands in it no more.
    assert not [canary for canary in canaries if canary in error.traceback]


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "u", "me", "bob:", "x" * 10 + ":"])
@pytest.mark.parametrize("after", ["", ":", "@host", " and more"])
@pytest.mark.parametrize("secret", ["hunter22", "gehe?im/+ß", "sixchr"])
def test_a_secret_within_what_was_encoded_is_cut_out_too(encode, before: str, after: str, secret: str) -> None:
    # As in `Authorization: Basic …`, which names the user first.
    shown = encode(f"{before}{secret}{after}".encode()).decode()
    said = Redactor(json.dumps({"user": "bob", "password": secret}))(f"Authorization: Basic {shown}.")
    assert "[secret]" in said
    # At most one character at each end holds bits of it, beside bits of its neighbours.
    start, end = len(before.encode()) * 8 // 6, -(-len((before + secret).encode()) * 8 // 6)
    kept = said.removeprefix("Authorization: Basic ").split("[secret]")
    assert len(kept[0]) <= start + 1
    assert kept[1] in shown[end - 1 :] + "."


def test_short_and_empty_credentials_blank_out_nothing() -> None:
    assert Redactor("")("a text") == "a text"
    assert Redactor("text")("a text") == "a text"


def test_a_cut_never_shows_the_head_of_a_secret() -> None:
    redact = Redactor("s3cret-s3cret")
    for at in range(80, 120):
        assert "s3" not in redact.cut("x" * at + "s3cret-s3cret" * 50, 100)
