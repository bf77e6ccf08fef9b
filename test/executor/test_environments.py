"""pip environments: built once, found again without a network."""

from __future__ import annotations

import asyncio

import pytest

from rowcast._server import Server, Settings
from rowcast._uv import Uv
from rowcast.v1 import executor_pb2 as pb

PACKAGE = "airportsdata==20260905"
SOURCE = b"import airportsdata\ndef list_objects(c, m): return []\ndef read_bytes(c, m): return airportsdata.__name__\n"
NOTHING = b"def list_objects(c, m): return []\ndef read_bytes(c, m): return b''\n"


async def test_ten_callers_build_once_and_the_next_start_needs_no_network(rowcast, monkeypatch) -> None:
    sha256 = await rowcast.put({"connector.py": SOURCE})
    runs: list[str] = []
    real = Uv.run

    async def counted(self: Uv, *arguments: str, **options: object) -> str:
        runs.append(" ".join(arguments[:2]))
        return await real(self, *arguments, **options)

    monkeypatch.setattr(Uv, "run", counted)
    prepared = await asyncio.gather(*(rowcast.prepare(sha256, pip=[PACKAGE], load=True) for _ in range(10)))
    assert sorted(run.split()[0] for run in runs) == ["pip", "pip", "venv"]
    last = prepared[0][-1]
    assert {messages[-1].environment_id for messages in prepared} == {last.environment_id}
    assert last.resolved_lock.startswith(PACKAGE)
    assert "--hash=sha256:" in last.resolved_lock
    assert {"resolve", "wait", "install", "load", "done"} == {message.stage for part in prepared for message in part}
    # One of them builds, and tells what uv says meanwhile.
    told = [message.message for part in prepared for message in part if message.stage == "install"]
    assert told[0] == "installing 1 package"
    assert [line for line in told if line.startswith("Installed 1 package in ")]
    assert (await rowcast.stub.GetInfo(pb.GetInfoRequest(pip=[PACKAGE]))).environment_cached
    assert (await rowcast.stub.GetInfo(pb.GetInfoRequest(lock=last.resolved_lock))).environment_cached
    assert not (await rowcast.stub.GetInfo(pb.GetInfoRequest(pip=["airportsdata"]))).environment_cached

    connector = await rowcast.open(SOURCE.decode(), environment_id=last.environment_id)
    assert (await connector.read()).data == {0: b"airportsdata"}

    # A new start over the same home, without uv at all: everything comes from the cache.
    async def offline(self: Uv, *arguments: str, **options: object) -> str:
        raise AssertionError(arguments)

    monkeypatch.setattr(Uv, "run", offline)
    second = Server(Settings(listen="127.0.0.1:0", home=rowcast.home))
    environments = second.environments

    async def progress(stage: str, message: str) -> None:
        raise AssertionError(stage)

    again = await environments.prepare(pip=[PACKAGE], lock="", progress=progress)
    locked = await environments.prepare(pip=[], lock=last.resolved_lock, progress=progress)
    assert again.id == locked.id == last.environment_id
    await second.stop()
    assert not [path for path in rowcast.home.rglob(".new-*") if "cache" not in path.parts]


async def test_without_packages_the_base_interpreter_runs_and_sees_nothing_of_ours(rowcast) -> None:
    connector = await rowcast.open("""
        import importlib.util
        def read_bytes(context, metadata):
            return str([name for name in ("grpc", "uv", "google.protobuf") if find(name)])
        def find(name):
            try: return importlib.util.find_spec(name)
            except ImportError: return None
    """)
    assert (await connector.read()).data == {0: b"[]"}


async def test_a_package_that_does_not_exist_fails_in_uvs_words(rowcast) -> None:
    sha256 = await rowcast.put({"connector.py": NOTHING})
    error = (await rowcast.prepare(sha256, pip=["airportsdata==1"]))[-1].error
    assert (error.code, error.retryable) == ("environment.failed", False)
    assert "airportsdata==1" in error.message
    error = (await rowcast.prepare(sha256, pip=["not a requirement !"]))[-1].error
    assert (error.code, error.retryable) == ("environment.failed", False)


async def test_without_a_network_it_may_be_tried_again(rowcast, monkeypatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://user:secret-word@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    sha256 = await rowcast.put({"connector.py": NOTHING})
    error = (await rowcast.prepare(sha256, pip=[PACKAGE]))[-1].error
    assert (error.code, error.retryable) == ("environment.failed", True)
    assert "secret-word" not in error.message


@pytest.mark.parametrize(
    "lock", [f"{PACKAGE} --hash=sha256:{'0' * 64}\n", f"{PACKAGE}\n"], ids=["wrong hash", "no hash"]
)
async def test_a_lock_that_does_not_fit_is_told(rowcast, lock: str) -> None:
    sha256 = await rowcast.put({"connector.py": NOTHING})
    error = (await rowcast.prepare(sha256, lock=lock))[-1].error
    assert error.code == "environment.lock_mismatch"
    assert not error.retryable
    assert not [path for path in (rowcast.home / "environments").iterdir() if path.is_dir()]


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("import nothing_like_this", "connector.load_failed", "nothing_like_this"),
        ("1 +", "connector.load_failed", "invalid syntax"),
        ("import sys; sys.exit(0)", "connector.load_failed", "sys.exit"),
        ("import os; os._exit(0)", "connector.load_failed", "exit status 0"),
        ("import os; os.abort()", "connector.load_failed", "SIGABRT"),
        ("raise KeyboardInterrupt", "connector.load_failed", "KeyboardInterrupt"),
        ("def read_bytes(c, m): pass", "connector.missing_function", "list_objects"),
        ("def list_objects(c, m): pass", "connector.missing_function", "read_bytes"),
        ("list_objects = 5\ndef read_bytes(c, m): pass", "connector.missing_function", "list_objects"),
        ("def list_objects(m): pass\ndef read_bytes(c, m): pass", "connector.bad_signature", "list_objects(m)"),
        ("def list_objects(c, m): pass\ndef read_bytes(c, m, x): pass", "connector.bad_signature", "2 arguments"),
        ("def context(): pass\n" + NOTHING.decode(), "connector.bad_signature", "1 argument,"),
    ],
)
async def test_what_does_not_load_is_told_before_any_secret_is_sent(rowcast, source: str, code: str, says: str) -> None:
    error = await rowcast.load_error(source)
    assert error.code == code
    assert says in error.message
    assert not error.retryable


async def test_a_load_error_has_the_authors_traceback(rowcast) -> None:
    error = await rowcast.load_error("def f():\n    return 1 / 0\nf()\n")
    assert error.type == "ZeroDivisionError"
    assert 'File "connector.py", line 2, in f' in error.traceback
    assert "importlib" not in error.traceback
    assert "_child" not in error.traceback


@pytest.mark.parametrize(
    "functions",
    [
        "def list_objects(_, prefix=None): return []\ndef read_bytes(*args): return b''",
        "def context(*, x=1, **k): pass\ndel context\n" + NOTHING.decode(),
        "class C:\n def list_objects(self, a, b): return []\n def read_bytes(self, a, b): return b''\n"
        "list_objects = C().list_objects\nread_bytes = C().read_bytes",
        "import functools\nlist_objects = functools.partial(lambda x, c, m: [], 1)\nread_bytes = max",
    ],
)
async def test_any_callable_of_the_right_shape_loads(rowcast, functions: str) -> None:
    last = (await rowcast.prepare(await rowcast.put({"connector.py": functions.encode()}), load=True))[-1]
    assert last.environment_id, last
    assert last == pb.PrepareResponse(stage="done", message="ready", environment_id=last.environment_id)
