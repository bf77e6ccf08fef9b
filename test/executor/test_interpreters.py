"""The same connectors on every other Python that is here: the reader has to run on 3.9 and newer."""

from __future__ import annotations

from pathlib import Path

import pytest

import interpreters
from rowcast import _environments
from rowcast.v1 import executor_pb2 as pb
from test_hostile import HOSTILE, SECRET
from test_patterns import PATTERNS
from test_rows import CALLBACK, GENERATOR, LINES, PYTHON, rows

VERSION = """
import platform
def list_objects(c, m): return []
def read_bytes(c, m): return platform.python_version()
"""


@pytest.fixture(params=interpreters.others().items(), ids=lambda other: other[0])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its version. Before `rowcast`, whose environments are made from it then."""
    version, path = request.param
    monkeypatch.setattr(_environments, "base_python", lambda: Path(path))
    return version


async def test_the_patterns_of_real_connectors(python: str, rowcast) -> None:
    for source, expected in PATTERNS.values():
        assert await (await rowcast.open(source)).refresh() == expected
    asked = await rowcast.open(VERSION)
    assert (await asked.read()).data[0].decode() == python


async def test_rows_of_the_authors_own_parser(python: str, rowcast) -> None:
    for parser in (CALLBACK, GENERATOR):
        assert [row["name"] for row in rows(await (await rowcast.open(LINES + parser, parser=PYTHON)).read())] == [
            *"abc"
        ]
    exact = await rowcast.open("""
        import datetime, decimal, uuid
        def read_rows(context, metadata):
            yield {"d": decimal.Decimal("1.50"), "t": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901),
                   "i": 2 ** 200, "b": b"\\x00", "n": float("nan"), "u": uuid.UUID(int=1), "s": "ü"}
    """)
    (row,) = rows(await exact.read())
    assert (row["d"], row["t"], row["i"]) == ("1.50", "2026-01-02T03:04:05.678901", 2**200)
    assert (row["b"], row["n"], row["s"]) == ("AA==", "NaN", "ü")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("loop_gil", "fragment.stalled"),
        ("memory", "read.memory"),
        ("os_exit", "read.exited"),
        ("segfault", "read.crashed"),
        ("surrogate", "read.bad_chunk"),
        ("bare_stop_iteration", "read.failed"),
        ("raises_secret", "read.failed"),
        ("writes_to_socket", "read.corrupt"),
        ("own_folder_loop", "list.prefix_loop"),
    ],
)
async def test_what_goes_wrong_has_the_same_code(python: str, rowcast, name: str, code: str) -> None:
    limits = pb.Limits(stall_seconds=1, memory_bytes=128 << 20)
    connector = await rowcast.open((HOSTILE / f"{name}.py").read_text(), credentials=SECRET, limits=limits)
    error = await connector.list_error() if code.startswith("list.") else (await connector.read()).error()
    assert error.code == code
    told = [str(error), *(line.text for line in await connector.logs())]
    assert not [text for text in told if SECRET in text]


async def test_packages_and_the_whole_sandbox(python: str, rowcast) -> None:
    source = "import colorama" + VERSION
    sha256 = await rowcast.put({"connector.py": source.encode()})
    last = (await rowcast.prepare(sha256, pip=["colorama"], load=True))[-1]
    assert last.environment_id, last.error
    connector = await rowcast.open(source, environment_id=last.environment_id)
    assert (await connector.read()).data[0].decode() == python
    attacks = await rowcast.open((HOSTILE / "attacks.py").read_text(), credentials=str(rowcast.home / "secret"))
    (rowcast.home / "secret").touch()
    lines = (await attacks.read()).data[0].decode().splitlines()
    assert len(lines) > 40
    reached = [line for line in lines if line.startswith("attack supervisor") and "\tdenied" not in line]
    # Without `adopt` the supervisor of this test is the test itself, and is not hidden as an executor hides itself.
    assert reached == []
    assert (await rowcast.stub.GetInfo(pb.GetInfoRequest())).isolation == "full"
