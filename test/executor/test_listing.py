"""`list_objects`: items, recursion, errors."""

from __future__ import annotations

import json

import pytest

from rowcast._child.items import check, metadata
from rowcast._child.waiting import IN_MEMORY, Waiting

GOOD = "{'name': 'n', 'fingerprint': 'f'}"


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("'name'", "str, not a dict"),
        ("('n', 'f')", "tuple, not a dict"),
        ("{}", "no `name`"),
        ("{'fingerprint': 'f'}", "no `name`"),
        ("{'name': 'n'}", "no `fingerprint`"),
        ("{'name': 'n', 'fingerprint': None}", "NoneType"),
        ("{'name': 'n', 'fingerprint': 20260131}", "use str(20260131)"),
        ("{'name': 'n', 'fingerprint': 1.5}", "use str(1.5)"),
        ("{'name': 7, 'fingerprint': 'f'}", "use str(7)"),
        ("{'name': b'n', 'fingerprint': 'f'}", "bytes, not str"),
        ("{'name': '', 'fingerprint': 'f'}", "empty `name`"),
        ("{'name': 'a\\0b', 'fingerprint': 'f'}", "U+0000"),
        ("{'name': '\\ud800', 'fingerprint': 'f'}", "lone surrogate"),
        ("{'name': 'x' * 2049, 'fingerprint': 'f'}", "at most 2,048"),
        ("{'name': 'é' * 1025, 'fingerprint': 'f'}", "2,050 bytes"),
        ("{'name': 'x' * 50_000_000, 'fingerprint': 'f'}", "50,000,000 characters"),
        ("{'name': 'n', 'fingerprint': 'f' * 1025}", "at most 1,024"),
        ("{'name': 'n', 'fingerprint': 'f', 'is_prefix': 1}", "True or False"),
        ("{'name': 'n', 'fingerprint': 'f', 'is_prefix': None}", "True or False"),
        ("{'name': 'n', 'fingerprint': 'f', 'x': {1, 2}}", "a set"),
        ("{'name': 'n', 'fingerprint': 'f', 'x': b'bytes'}", "a bytes"),
        ("{'name': 'n', 'fingerprint': 'f', 'x': [{'y': {3: 4}}]}", "key of type int"),
        ("{'name': 'n', 'fingerprint': 'f', 5: 6}", "key of type int"),
        ("{'name': 'n', 'fingerprint': 'f', 'x': float('nan')}", "not JSON"),
        ("{'name': 'n', 'fingerprint': 'f', 'x': '\\ud800'}", "lone surrogate"),
        ("{'name': 'n', 'fingerprint': 'f', 'x': 'y' * 70_000}", "at most 65,536"),
        ("(lambda a: (a.append(a), {'name': 'n', 'fingerprint': 'f', 'x': a})[1])([])", "contains itself"),
        ("{'name': 'n', 'fingerprint': 'f', 'when': __import__('datetime').date.today()}", "a date"),
    ],
)
async def test_a_bad_item_fails_the_listing_and_is_shown(rowcast, item: str, says: str) -> None:
    connector = await rowcast.open(f"def list_objects(context, metadata):\n    yield {GOOD}\n    yield {item}\n")
    error = await connector.list_error()
    assert error.code == "list.bad_item"
    assert says in error.message
    assert "The item: " in error.message
    assert not error.retryable
    assert len(error.message) <= 4096


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "é" * 1024, "fingerprint": ""}, b""),
        ({"name": "a/../b", "fingerprint": "f" * 1024, "is_prefix": False}, b""),
        ({"name": "p", "is_prefix": True}, b""),
        ({"name": "p", "is_prefix": True, "fingerprint": None}, b""),
        ({"name": "n", "fingerprint": "f", "t": (1, (2,))}, b'{"name":"n","fingerprint":"f","t":[1,[2]]}'),
    ],
)
def test_a_good_item_passes_with_its_own_keys_as_json(given: dict[str, object], expected: bytes) -> None:
    assert check(given).extra == expected


def test_an_item_of_64_kib_passes() -> None:
    item = {"name": "n", "fingerprint": "f", "x": ""}
    item["x"] = "y" * (65_536 - len(json.dumps(item, separators=(",", ":"))))
    assert len(check(item).extra) == 65_536


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("datetime.datetime(2026, 1, 31, 12, 30)", "2026-01-31T12:30:00Z"),
        ("datetime.datetime(2026, 1, 31, 12, 30, 0, 5, datetime.timezone.utc)", "2026-01-31T12:30:00.000005Z"),
        ("datetime.datetime.fromisoformat('2026-01-31T12:30:00+02:00')", "2026-01-31T12:30:00+02:00"),
        ("Timestamp()", "2026-01-31T00:00:00Z"),
        ("'as it is'", "as it is"),
    ],
)
async def test_last_modified_arrives_as_text(rowcast, value: str, text: str) -> None:
    connector = await rowcast.open(f"""
        import datetime
        class Timestamp:
            def ToJsonString(self): return "2026-01-31T00:00:00Z"
        def list_objects(context, metadata):
            return [{{"name": "n", "fingerprint": "f", "last_modified": {value}}}]
        def read_bytes(context, metadata): return metadata["last_modified"]
    """)
    assert await connector.refresh() == {"n": text.encode()}


def test_what_is_handed_over_is_a_fresh_dict() -> None:
    item = check({"name": "p", "is_prefix": True, "page": 2})
    first = metadata("p", None, item.extra, is_prefix=True)
    assert first == {"name": "p", "is_prefix": True, "page": 2, "fingerprint": None}
    assert first is not metadata("p", None, item.extra, is_prefix=True)


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ("return None", "list.bad_return", "None"),
        ("return {'name': 'n', 'fingerprint': 'f'}", "list.bad_return", "dict"),
        ("return 'names'", "list.bad_return", "str"),
        ("return 5", "list.bad_return", "int"),
        ("raise OSError('no route')", "list.failed", "no route"),
        (f"yield {GOOD}; raise ValueError('late')", "list.failed", "late"),
        (f"yield {GOOD}; raise StopIteration", "list.failed", "StopIteration"),
        ("raise StopIteration", "list.failed", "StopIteration"),
        ("raise KeyboardInterrupt", "list.failed", "KeyboardInterrupt"),
        ("import sys; sys.exit()", "read.exited", "sys.exit"),
        ("raise MemoryError", "read.memory", "MemoryError"),
        (f"yield {GOOD}; import os; os._exit(0)", "read.exited", "exit status 0"),
        (f"yield {GOOD}; import os; os.kill(os.getpid(), 9)", "read.crashed", "SIGKILL"),
    ],
)
async def test_promise_4_a_listing_that_fails_is_not_complete(rowcast, body: str, code: str, says: str) -> None:
    connector = await rowcast.open(f"def list_objects(context, metadata):\n    {body}\n")
    error = await connector.list_error()
    assert error.code == code
    assert says in error.message


async def test_a_failed_listing_may_be_tried_again_in_a_fresh_reader(rowcast) -> None:
    connector = await rowcast.open("""
        import os
        def list_objects(context, metadata): raise ConnectionError(str(os.getpid()))
    """)
    first, second = await connector.list_error(), await connector.list_error()
    assert first.retryable
    assert first.message != second.message


async def test_prefixes_are_listed_depth_first_one_call_after_the_other(rowcast) -> None:
    connector = await rowcast.open("""
        TREE = {"": ["1", "a/", "2", "b/"], "a/": ["a/x/", "a/3"], "a/x/": ["4"], "b/": []}
        open_calls = 0
        def list_objects(context, metadata):
            global open_calls
            assert open_calls == 0 and (metadata is None or metadata["fingerprint"] is None and metadata["is_prefix"])
            open_calls += 1
            for name in TREE[metadata["name"] if metadata else ""]:
                yield {"name": name, "is_prefix": True} if name.endswith("/") else {"name": name, "fingerprint": "f"}
            open_calls -= 1
    """)
    items, trailer = await connector.list(prefixes=True)
    assert [(item.name, item.is_prefix, item.depth) for item in items] == [
        ("1", False, 0),
        ("a/", True, 0),
        ("2", False, 0),
        ("b/", True, 0),
        ("a/x/", True, 1),
        ("a/3", False, 1),
        ("4", False, 2),
    ]
    assert (trailer.fragments, trailer.prefixes, trailer.calls) == (4, 3, 4)
    items, _ = await connector.list()
    assert [item.name for item in items] == ["1", "2", "a/3", "4"]


async def test_a_prefix_seen_before_is_skipped_with_a_warning(rowcast) -> None:
    connector = await rowcast.open("""
        def list_objects(context, metadata):
            if metadata is None:
                for name in ("a", "b", "a"):
                    yield {"name": name, "is_prefix": True, "fingerprint": "1"}
                yield {"name": "a", "is_prefix": True, "page": 2}
            else:
                if metadata["name"] == "b":
                    yield {"name": "a", "is_prefix": True, "fingerprint": "2"}
                yield {"name": f"{metadata['name']}{metadata.get('page', 1)}", "fingerprint": "f"}
    """)
    items, trailer = await connector.list()
    assert [item.name for item in items] == ["a1", "b1", "a2"]
    assert len(trailer.warnings) == 2
    assert all("'a'" in warning for warning in trailer.warnings)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("'same'", "list.prefix_loop"),
        ("'b' if metadata and metadata['name'] == 'a' else 'a'", "list.prefix_loop"),
        ("metadata['name'] + '/x' if metadata else 'x'", "list.too_deep"),
    ],
)
async def test_a_listing_without_end_ends(rowcast, name: str, code: str) -> None:
    connector = await rowcast.open(
        f"def list_objects(context, metadata):\n    yield {{'name': {name}, 'is_prefix': True}}\n"
    )
    error = await connector.list_error()
    assert error.code == code


async def test_64_levels_are_not_too_deep(rowcast) -> None:
    connector = await rowcast.open("""
        def list_objects(context, metadata):
            level = metadata["level"] + 1 if metadata else 1
            if level > 64: yield {"name": "end", "fingerprint": ""}
            else: yield {"name": f"level {level}", "is_prefix": True, "level": level}
    """)
    items, trailer = await connector.list()
    assert [(item.name, item.depth) for item in items] == [("end", 64)]
    assert trailer.calls == 65


async def test_too_many_fragments_fail_the_listing(rowcast) -> None:
    connector = await rowcast.open("""
        import itertools
        def list_objects(context, metadata):
            return ({"name": str(n), "fingerprint": ""} for n in itertools.count())
    """)
    pages = 0
    error = None
    from rowcast.v1 import executor_pb2 as pb

    async for page in connector.stub.ListObjects(pb.ListObjectsRequest(session=connector.session)):
        pages += 1
        error = page.trailer.error if page.HasField("trailer") else None
    assert error is not None
    assert error.code == "list.too_many"
    assert pages == 2001


def test_waiting_prefixes_over_ten_thousand_go_to_disk_and_come_back_in_order() -> None:
    waiting = Waiting()
    count = IN_MEMORY * 3 + 7
    for n in range(count):
        waiting.push(n % 5, check({"name": str(n), "is_prefix": True, "n": n}))
        assert len(waiting._memory) <= IN_MEMORY
    popped = []
    while waiting:
        depth, item = waiting.pop()
        assert depth == int(item.name) % 5
        popped.append(int(item.name))
    waiting.close()
    assert popped == list(range(count))[::-1]
