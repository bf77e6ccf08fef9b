"""Bundles: content-addressed, verified, read-only."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grpc
import grpc.aio
import pytest

from rowcast import _shelf
from rowcast._bundles import Bundles, identity
from rowcast._errors import BundleMissing
from rowcast.v1 import executor_pb2 as pb

FILES = {"connector.py": b"x = 1\n", "lib/b.py": b"", "lib/a.txt": b"a" * 300_000, "é.txt": b"e"}


def test_the_identity_is_the_hash_of_its_sorted_lines() -> None:
    lines = b"".join(
        path.encode() + b"\0" + hashlib.sha256(FILES[path]).hexdigest().encode() + b"\n"
        for path in ["connector.py", "lib/a.txt", "lib/b.py", "é.txt"]
    )
    assert identity(FILES) == hashlib.sha256(lines).hexdigest()


async def test_a_bundle_is_stored_whole_and_again_without_harm(rowcast) -> None:
    for step in (1 << 20, 1000):
        assert await rowcast.put(FILES, step=step) == identity(FILES)
    folder = rowcast.home / "bundles" / identity(FILES)
    assert {path: (folder / path).read_bytes() for path in FILES} == FILES
    assert all(path.stat().st_mode & 0o222 == 0 for path in (folder, *folder.rglob("*")))
    assert [path.name for path in folder.parent.iterdir()] == [identity(FILES)]


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "./x", "a//x", "", "a\\..\\x", "a\0b", "lib/"])
async def test_no_path_leaves_the_bundle(rowcast, path: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=r"executor\.bad_request") as raised:
        await rowcast.put({path: b"data"})
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert not list((rowcast.home / "bundles").iterdir())


HEADER = pb.PutBundleRequest(header=pb.BundleHeader(sha256=identity({"a": b"1"}), bytes=1))
FILE = pb.PutBundleRequest(file=pb.BundleFile(path="a", data=b"1", last=True))


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [FILE],
        [HEADER],
        [HEADER, HEADER, FILE],
        [HEADER, pb.PutBundleRequest()],
        [HEADER, FILE, FILE],
        [HEADER, pb.PutBundleRequest(file=pb.BundleFile(path="a", data=b"1"))],
        [HEADER, pb.PutBundleRequest(file=pb.BundleFile(path="a", data=b"2", last=True))],
        [HEADER, pb.PutBundleRequest(file=pb.BundleFile(path="b", data=b"1", last=True))],
        [HEADER, pb.PutBundleRequest(file=pb.BundleFile(path="a", data=b"11", last=True))],
        [pb.PutBundleRequest(header=pb.BundleHeader(sha256="0" * 64, bytes=17 << 20))],
        [pb.PutBundleRequest(header=pb.BundleHeader(sha256="../x", bytes=1)), FILE],
    ],
)
async def test_what_is_not_the_announced_bundle_is_refused(rowcast, parts: list[pb.PutBundleRequest]) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=r"executor\.bad_request"):
        await rowcast.stub.PutBundle(iter(parts))
    assert not list((rowcast.home / "bundles").iterdir())


async def test_the_bundle_is_on_sys_path_and_its_modules_win(rowcast) -> None:
    connector = await rowcast.open(
        "import wire, items, helper\ndef read_bytes(context, metadata): return wire.X + items.X + helper.X\n",
        files={"wire.py": b"X = 'w'", "items.py": b"X = 'i'", "helper/__init__.py": b"X = 'h'"},
    )
    assert (await connector.read()).data == {0: b"wih"}


async def test_a_reader_cannot_leave_bytecode_in_its_bundle(rowcast) -> None:
    connector = await rowcast.open("import helper\n", files={"helper.py": b""})
    await connector.read()
    assert not list((rowcast.home / "bundles").rglob("__pycache__"))


def test_bundles_that_were_not_used_for_longest_make_room(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path, max_bytes=250, spared_seconds=0)
    files = [{"connector.py": bytes([n]) * 100} for n in range(5)]
    names = [identity(one) for one in files]

    def here() -> list[int]:
        return sorted(names.index(path.name) for path in (tmp_path / "bundles").iterdir())

    for at in (0, 1):
        bundles.store(names[at], files[at])
    bundles.find(names[0])
    bundles.store(names[2], files[2])
    assert here() == [0, 2]
    # One that a session holds stays, whatever its age.
    release = bundles.hold(names[0])
    for at in (3, 4):
        bundles.store(names[at], files[at])
    assert 0 in here()
    release()
    with pytest.raises(BundleMissing):
        bundles.find(names[1])


def test_a_bundle_that_was_looked_for_just_now_is_spared(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path, max_bytes=50)
    for n in range(3):
        bundles.store(identity({"a": bytes([n]) * 100}), {"a": bytes([n]) * 100})
    assert len(list((tmp_path / "bundles").iterdir())) == 3


async def test_a_session_holds_its_bundle(rowcast) -> None:
    connector = await rowcast.open("def read_bytes(context, metadata): return 'here'\n")
    [bundle] = (rowcast.home / "bundles").iterdir()
    assert not _shelf.remove_unused(bundle)
    assert (await connector.read()).data == {0: b"here"}
    await connector.close()
    assert _shelf.remove_unused(bundle)
