"""The patterns of real connectors: one test each, by the number of the contract's table."""

from __future__ import annotations

import json

import pytest

PATTERNS = {
    "1 no context, metadata ignored": (
        """
        def list_objects(context, metadata):
            assert context == {}
            return [{"name": "a", "fingerprint": "1"}]
        def read_bytes(context, metadata): return "x"
        """,
        {"a": b"x"},
    ),
    "2 is_prefix missing": (
        """
        def list_objects(context, metadata): yield {"name": "a", "fingerprint": "1"}
        def read_bytes(context, metadata): return str(metadata["is_prefix"])
        """,
        {"a": b"False"},
    ),
    "3 if metadata, root has only prefixes": (
        """
        def list_objects(context, metadata):
            if metadata: yield {"name": metadata["name"] + "f", "fingerprint": "1"}
            else: yield {"name": "a/", "is_prefix": True}
        def read_bytes(context, metadata): return metadata["name"]
        """,
        {"a/f": b"a/f"},
    ),
    "4 a chain of levels": (
        """
        def list_objects(context, metadata):
            if metadata is None: yield {"name": "a/", "is_prefix": True}
            elif metadata["name"] == "a/": yield {"name": "b/", "is_prefix": True}
            elif metadata["name"] == "b/": yield {"name": "f", "fingerprint": "1"}
        def read_bytes(context, metadata): return "deep"
        """,
        {"f": b"deep"},
    ),
    "5 one fragment, fingerprint of a download kept for the read": (
        """
        import hashlib
        def context(credentials): return {}
        def list_objects(context, metadata):
            context["body"] = b"downloaded"
            yield {"name": "f", "fingerprint": hashlib.sha256(context["body"]).hexdigest()}
        def read_bytes(context, metadata): return context["body"]
        """,
        {"f": b"downloaded"},
    ),
    "6 a salted fingerprint": (
        """
        def list_objects(context, metadata): yield {"name": "f", "fingerprint": str(hash("salted"))}
        def read_bytes(context, metadata): return "x"
        """,
        {"f": b"x"},
    ),
    "7 JSON lines with their own newline": (
        """
        import json
        def list_objects(context, metadata): yield {"name": "f", "fingerprint": "1"}
        def read_bytes(context, metadata):
            for n in range(3): yield json.dumps({"n": n}) + "\\n"
        """,
        {"f": b'{"n": 0}\n{"n": 1}\n{"n": 2}\n'},
    ),
    "8 one large body": (
        """
        def list_objects(context, metadata): yield {"name": "f", "fingerprint": "1"}
        def read_bytes(context, metadata): return bytes(range(256)) * 20_000
        """,
        {"f": bytes(range(256)) * 20_000},
    ),
    "9 no newline after the last row": (
        """
        def list_objects(context, metadata): yield {"name": "f", "fingerprint": "1"}
        def read_bytes(context, metadata):
            yield "a,b\\n1,"
            yield "2"
        """,
        {"f": b"a,b\n1,2"},
    ),
    "10 a date as fingerprint, equal for all": (
        """
        def list_objects(context, metadata): return ({"name": n, "fingerprint": "2026-01-31"} for n in "ab")
        def read_bytes(context, metadata): return metadata["fingerprint"]
        """,
        {"a": b"2026-01-31", "b": b"2026-01-31"},
    ),
    "11 time buckets": (
        """
        def list_objects(context, metadata):
            for hour in range(3): yield {"name": f"2026-01-31T{hour:02}", "fingerprint": "closed", "hour": hour}
        def read_bytes(context, metadata): return str(metadata["hour"])
        """,
        {"2026-01-31T00": b"0", "2026-01-31T01": b"1", "2026-01-31T02": b"2"},
    ),
    "12 header first in every fragment": (
        """
        def list_objects(context, metadata): return [{"name": n, "fingerprint": "1"} for n in "ab"]
        def read_bytes(context, metadata):
            yield "name\\n"
            yield metadata["name"]
        """,
        {"a": b"name\na", "b": b"name\nb"},
    ),
    "13 print anywhere": (
        """
        print("import")
        def context(credentials): print("context"); return {}
        def list_objects(context, metadata): print("list"); yield {"name": "f", "fingerprint": "1"}; print("listed")
        def read_bytes(context, metadata): print("read"); yield "x"; print("done")
        """,
        {"f": b"x"},
    ),
    "15 paging and sleeping": (
        """
        import time
        def list_objects(context, metadata): yield {"name": "f", "fingerprint": "1", "pages": 3}
        def read_bytes(context, metadata):
            for page in range(metadata["pages"]):
                time.sleep(0.05)
                yield f"[{page}]"
        """,
        {"f": b"[0][1][2]"},
    ),
    "16 sliding window": (
        """
        import datetime
        def list_objects(context, metadata):
            for n in range(3):
                day = datetime.date(2026, 1, 31) - datetime.timedelta(days=n)
                yield {"name": day.isoformat(), "fingerprint": ""}
        def read_bytes(context, metadata): return b""
        """,
        {"2026-01-31": b"", "2026-01-30": b"", "2026-01-29": b""},
    ),
}


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_pattern(rowcast, pattern: str) -> None:
    source, expected = PATTERNS[pattern]
    assert await (await rowcast.open(source)).refresh() == expected


async def test_pattern_14_a_network_call_at_module_level_is_a_load_error(rowcast) -> None:
    error = await rowcast.load_error("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')\n")
    assert error.code == "connector.load_failed"
    assert "refused" in error.message


async def test_credentials_are_one_string_and_reach_context_only(rowcast) -> None:
    source = """
        import os, sys
        def context(credentials): return credentials
        def list_objects(context, metadata): return []
        def read_bytes(context, metadata):
            with open("/proc/self/environ") as environ, open("/proc/self/cmdline") as line:
                yield str([len(context), context in environ.read() + line.read()])
    """
    secret = "käse-" * 100
    assert (await (await rowcast.open(source, credentials=secret)).read()).data == {0: b"[500, False]"}


async def test_a_reader_sees_a_small_environment(rowcast, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "x")
    monkeypatch.setenv("TZ", "UTC")
    connector = await rowcast.open("""
        import json, os
        def read_bytes(context, metadata): return json.dumps(sorted(os.environ))
    """)
    names = set(json.loads((await connector.read()).data[0]))
    assert {"PATH", "TMPDIR", "TZ"} <= names
    assert "DATABASE_PASSWORD" not in names
    assert not [name for name in names if name.startswith(("VIRTUAL_ENV", "GRPC", "MALLOC", "PYTEST"))]
