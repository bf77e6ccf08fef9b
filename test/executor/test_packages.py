"""Environments over time: locked, built from source, shut, given up, found again."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from rowcast._environments import Environments
from rowcast._isolation import Isolation
from rowcast._server import Server, Settings
from rowcast._uv import Uv, _with_credentials, failure
from rowcast.v1 import executor_pb2 as pb

# A package that is its own build backend: it needs no index, and tells what building it could reach.
BACKEND = """
import os, zipfile
WHEEL = 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'
def build_wheel(directory, config_settings=None, metadata_directory=None):
    out = []
    for name, attempt in {{
        "secret": lambda: open({secret!r}).read(),
        "write": lambda: open({secret!r} + ".mine", "w"),
        "supervisor": lambda: os.kill({pid}, 0),
    }}.items():
        try: attempt(); out.append(name)
        except OSError: pass
    name = "{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("{name}.py", f"reached = {{out!r}}\\nsize = '" + "x" * {size} + "'\\n")
        wheel.writestr("{name}-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        wheel.writestr("{name}-1.0.dist-info/WHEEL", WHEEL)
        wheel.writestr("{name}-1.0.dist-info/RECORD", "")
    return name
"""


# One that will not build, says much, and leaves a daemon; or never ends.
BROKEN = """
import os, sys, time
def build_wheel(*_, **__):
    if os.fork() == 0:
        os.setsid()
        os.closerange(0, 64)
        time.sleep(600)
    print("x" * 100_000 + " no compiler for this here")
    raise RuntimeError("it will not build")
"""


def sdist(folder: Path, name: str, *, secret: Path, size: int = 10, backend: str = BACKEND) -> None:
    """Puts a source distribution there."""
    folder.mkdir(exist_ok=True)
    files = {
        "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        f"[project]\nname = '{name}'\nversion = '1.0'\n",
        "backend.py": backend.format(secret=str(secret), pid=os.getpid(), name=name, size=size),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
    }
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-1.0/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


async def silent(stage: str, message: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of source distributions, under names that no index has."""
    folder = tmp_path / "packages"
    (tmp_path / "secret").write_text("x")
    for name in ("rowcastones", "rowcasttwos", "rowcastthrees"):
        sdist(folder, name, secret=tmp_path / "secret", size=200_000)
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


async def test_a_source_build_is_shut_in_like_author_code(rowcast, packages: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "home"
    isolation = Isolation(profile="workstation", hidden=[tmp_path / "secret", hidden])
    environments = Environments(hidden, uv=Uv(isolation=isolation))
    made = await environments.prepare(pip=["rowcastones"], lock="", progress=silent)
    module = next((hidden / "environments" / made.id).rglob("rowcastones.py")).read_text()
    assert module.startswith("reached = []\n")
    assert not (tmp_path / "secret.mine").exists()


async def test_what_will_not_build_fails_in_uvs_words_and_leaves_nothing(live, tmp_path: Path, monkeypatch) -> None:
    sdist(tmp_path / "packages", "rowcastbroken", secret=tmp_path, backend=BROKEN)
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "packages"))
    executor = await live("--profile", "workstation")
    source = b"def list_objects(c, m): return []\ndef read_bytes(c, m): return b''\n"
    last = (await executor.prepare(await executor.put({"connector.py": source}), pip=["rowcastbroken"]))[-1]
    assert (last.error.code, last.error.retryable) == ("environment.failed", False)
    assert "rowcastbroken" in last.error.message
    assert "it will not build" in last.error.message
    assert len(last.error.message) < 4096
    assert executor.descendants() == []


async def test_a_build_without_end_has_one(packages: Path, tmp_path: Path) -> None:
    sdist(packages, "rowcastendless", secret=tmp_path, backend="import time\ntime.sleep(600)\n")
    environments = Environments(tmp_path / "home", uv=Uv(limit_seconds=2))
    with pytest.raises(Exception, match="author's code failed") as raised:
        await environments.prepare(pip=["rowcastendless"], lock="", progress=silent)
    error = pb.UserError.FromString(raised.value.error)
    assert (error.code, error.retryable, "after 2 s" in error.message) == ("environment.failed", False, True)


async def test_without_builds_only_wheels_are_taken(packages: Path, tmp_path: Path) -> None:
    server = Server(Settings(listen="127.0.0.1:0", home=tmp_path / "home", builds=False))
    with pytest.raises(Exception, match="author's code failed") as raised:
        await server.environments.prepare(pip=["rowcastones"], lock="", progress=silent)
    error = pb.UserError.FromString(raised.value.error)
    assert (error.code, error.retryable) == ("environment.failed", False)
    assert "rowcastones" in error.message
    await server.stop()


async def test_the_least_recently_used_are_given_up_but_none_in_use(packages: Path, tmp_path: Path) -> None:
    environments = Environments(tmp_path / "home", max_bytes=600_000)
    folder = tmp_path / "home" / "environments"
    made = {}
    release = None
    for at, name in enumerate(("rowcastones", "rowcasttwos", "rowcastthrees")):
        made[name] = (await environments.prepare(pip=[name], lock="", progress=silent)).id
        if name == "rowcastones":
            release = environments.hold(made[name])
        os.utime(folder / made[name], (at, at))
    # The first is the oldest, but in use.
    assert {path.name for path in folder.iterdir()} == {made["rowcastones"], made["rowcastthrees"]}
    release()
    # Made again on demand, from the lock that was kept; now the first goes.
    again = await environments.prepare(pip=["rowcasttwos"], lock="", progress=silent)
    assert again.id == made["rowcasttwos"]
    assert made["rowcastones"] not in {path.name for path in folder.iterdir()}
    # Read-only, whoever looks.
    modes = {path.stat().st_mode & 0o222 for path in (folder / again.id).rglob("*.py")}
    assert modes == {0}
    assert (folder / again.id).stat().st_mode & 0o222 == 0


async def test_what_a_killed_build_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    for folder in ("environments", "locks"):
        (tmp_path / folder / ".new-left" / "deep").mkdir(parents=True)
        (tmp_path / folder / ".new-left" / "deep").chmod(0o555)
    Environments(tmp_path)
    assert not list((tmp_path / "environments").iterdir())
    assert not list((tmp_path / "locks").iterdir())


async def test_a_lock_is_for_every_platform_and_installs(rowcast) -> None:
    lock = (await rowcast.stub.Lock(pb.LockRequest(pip=["colorama==0.4.6", "tzdata; sys_platform == 'win32'"]))).lock
    assert "colorama==0.4.6" in lock
    assert "sys_platform == 'win32'" in lock
    assert "http" not in lock
    assert not [path for path in (rowcast.home / "environments").iterdir()]
    sha256 = await rowcast.put(
        {"connector.py": b"def list_objects(c, m): return []\ndef read_bytes(c, m): return b''\n"}
    )
    assert (await rowcast.prepare(sha256, lock=lock))[-1].environment_id
    answer = await rowcast.stub.Lock(pb.LockRequest(pip=["not a requirement !"]))
    assert (answer.lock, answer.error.code) == ("", "environment.failed")


async def test_two_versions_of_one_package_run_side_by_side(rowcast) -> None:
    source = "import colorama\ndef list_objects(c, m): return []\ndef read_bytes(c, m): return colorama.__version__\n"
    sha256 = await rowcast.put({"connector.py": source.encode()})
    prepared = await asyncio.gather(*(rowcast.prepare(sha256, pip=[f"colorama==0.4.{n}"]) for n in (5, 6)))
    sessions = [await rowcast.open(source, environment_id=messages[-1].environment_id) for messages in prepared]
    reads = await asyncio.gather(*(session.read() for session in sessions))
    assert [read.data[0] for read in reads] == [b"0.4.5", b"0.4.6"]


async def test_the_index_and_its_credentials_are_the_executors_and_never_shown(rowcast, tmp_path: Path) -> None:
    file = tmp_path / "index.secret"
    file.write_text("me:very/secret word\n")
    address = "http://127.0.0.1:9/simple"
    uv = Uv(index_url=address, index_credentials=file)
    with pytest.raises(Exception, match="author's code failed") as raised:
        await Environments(tmp_path / "home", uv=uv).prepare(pip=["colorama"], lock="", progress=silent)
    error = pb.UserError.FromString(raised.value.error)
    assert (error.code, error.retryable) == ("environment.failed", True)
    assert "secret" not in error.message.replace("[secret]", "")
    said = failure("no: very/secret word or very%2Fsecret%20word", secret=file.read_text().strip())
    assert "word" not in pb.UserError.FromString(said.error).message
    assert _with_credentials("https://a.example/simple", "to/ken") == "https://__token__:to%2Fken@a.example/simple"
    assert replace(uv, index_credentials=None)._secret() == ""
