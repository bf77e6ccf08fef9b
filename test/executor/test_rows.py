"""Rows in place of bytes: the author's own parser in both forms, and `read_rows`."""

from __future__ import annotations

import json

import pytest

from rowcast.v1 import executor_pb2 as pb

PYTHON = pb.Parser(type="python")
LINES = """
def read_bytes(context, metadata):
    yield b"a;1\\nb"
    yield ";2\\r\\nc;"
    yield bytearray(b"3")
"""


def rows(read) -> list[dict[str, object]]:
    """What came, checked against its trailer."""
    assert not read.trailers[0].HasField("error"), read.trailers[0].error
    lines = read.data[0].splitlines()
    assert read.trailers[0].rows == len(lines)
    return [json.loads(line) for line in lines]


CALLBACK = """
def parser_function(reader, onNext):
    for line in reader:
        assert type(line) is bytes
        name, _, value = line.decode().partition(";")
        onNext({"name": name, "value": value})
"""
GENERATOR = """
def parser_function(reader, encoding="utf-8"):
    for line in reader:
        name, _, value = line.decode(encoding).partition(";")
        yield {"name": name, "value": value}
"""
LIBRARY = """
import csv, io
def parser_function(reader):
    text = io.TextIOWrapper(io.BufferedReader(reader), newline="\\n")
    return [{"name": name, "value": value + "\\n" * (name == "a") + "\\r\\n" * (name == "b")}
            for name, value in csv.reader(text.read().splitlines(), delimiter=";")]
"""


@pytest.mark.parametrize("parser", [CALLBACK, GENERATOR, LIBRARY], ids=["callback", "generator", "library"])
async def test_a_parser_gets_lines_as_a_binary_file_splits_them(rowcast, parser: str) -> None:
    if parser is LIBRARY:
        parser = parser.replace("io.BufferedReader(reader)", "reader")
    connector = await rowcast.open(LINES + parser, parser=PYTHON)
    expected = [("a", "1\n"), ("b", "2\r\n"), ("c", "3")]
    assert rows(await connector.read()) == [{"name": name, "value": value} for name, value in expected]


async def test_read_takes_what_is_asked_for_and_close_ends_the_source(rowcast) -> None:
    connector = await rowcast.open(
        """
        def read_bytes(context, metadata):
            try:
                for n in range(1000): yield b"%04d\\n" % n
            finally:
                print("source closed")
        def parse(reader, onNext):
            onNext({"a": reader.read(3), "b": reader.read(0), "c": reader.read(9), "d": next(reader)})
            reader.close()
            onNext({"rest": reader.read(), "lines": list(reader)})
        """,
        parser=pb.Parser(type="python", function="parse"),
    )
    first, second = rows(await connector.read())
    assert first == {"a": "MDAw", "b": "", "c": "MAowMDAxCjAw", "d": "MDIK"}
    assert second == {"rest": "", "lines": []}
    assert [line.text for line in await connector.logs()] == ["source closed"]


async def test_a_parser_in_a_file_of_its_own(rowcast) -> None:
    files = {"own/json.py": b"def f(reader):\n    yield {'size': len(reader.read())}\n"}
    connector = await rowcast.open(
        LINES, files=files, parser=pb.Parser(type="python", function="f", code="own/json.py")
    )
    assert rows(await connector.read()) == [{"size": 12}]


VALUES = {
    "text": ("'é\\n'", "é\n"),
    "true": ("True", True),
    "none": ("None", None),
    "big": ("10 ** 40", 10**40),
    "float": ("0.1", 0.1),
    "nan": ("float('nan')", "NaN"),
    "inf": ("[float('inf'), -float('inf')]", ["Infinity", "-Infinity"]),
    "decimal": ("decimal.Decimal('1.50')", "1.50"),
    "bytes": ("b'\\xff\\x00'", "/wA="),
    "view": ("memoryview(b'ab')", "YWI="),
    "date": ("datetime.date(2026, 1, 2)", "2026-01-02"),
    "time": ("datetime.time(1, 2, 3)", "01:02:03"),
    "utc": ("datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.timezone.utc)", "2026-01-02T03:04:05.000006Z"),
    "offset": (
        "datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))",
        "2026-01-02T00:00:00+02:00",
    ),
    "naive": ("datetime.datetime(2026, 1, 2)", "2026-01-02T00:00:00"),
    "uuid": ("uuid.UUID(int=1)", "00000000-0000-0000-0000-000000000001"),
    "nested": ("{'a': (1, [decimal.Decimal(2)])}", {"a": [1, ["2"]]}),
    "enum": ("enum.IntEnum('E', 'A').A", 1),
    "scalar": ("Scalar()", 7),
}


async def test_values_are_carried_exactly(rowcast) -> None:
    columns = ", ".join(f"{name!r}: {source}" for name, (source, _) in VALUES.items())
    connector = await rowcast.open(
        f"""
        import datetime, decimal, enum, uuid
        class Scalar:
            shape = ()
            def item(self): return 7
        def read_rows(context, metadata):
            yield {{{columns}}}
            yield {{"name": metadata["name"]}}
    """
    )
    first, second = rows(await connector.read())
    assert first == {name: expected for name, (_, expected) in VALUES.items()}
    assert second == {"name": "f"}


BAD = [
    ("5", "parser.bad_row", "row 2 is a int, not a dict: 5"),
    ("{1: 2}", "parser.bad_row", "row 2 has a key of type int"),
    ("{'a': 1, 'b': {1}}", "parser.bad_row", "row 2, column 'b': a set cannot be sent"),
    ("{'a': {2: 3}}", "parser.bad_row", "row 2, column 'a': has a key of type int"),
    ("{'a': '\\udc80'}", "parser.bad_row", "row 2, column 'a': text that is no Unicode"),
    ("{'a': 10 ** 5000}", "parser.bad_row", "row 2, column 'a': an integer of more than"),
    ("(lambda x: x.append(x) or {'a': x})([])", "parser.bad_row", "row 2, column 'a': nested"),
    ("1 / 0", "parser.failed", "division by zero"),
    ("exec('raise ConnectionError(1)')", "parser.failed", "1"),
    ("exec('raise SystemExit')", "read.exited", "sys.exit"),
]


@pytest.mark.parametrize(("row", "code", "says"), BAD, ids=[row for row, _, _ in BAD])
@pytest.mark.parametrize("form", ["callback", "generator"])
async def test_a_bad_row_is_told_with_row_and_column(rowcast, row: str, code: str, says: str, form: str) -> None:
    parser = {
        "callback": f"def parser_function(reader, onNext):\n    onNext({{'a': 1}})\n    onNext({row})\n",
        "generator": f"def parser_function(reader):\n    yield {{'a': 1}}\n    yield {row}\n",
    }[form]
    connector = await rowcast.open(LINES + parser, parser=PYTHON)
    error = (await connector.read()).error()
    assert (error.code, error.retryable) == (code, False)
    assert says in error.message
    if form == "callback" and code == "parser.bad_row":
        assert "in parser_function" in error.traceback


async def test_a_parser_may_catch_what_it_cannot_send(rowcast) -> None:
    connector = await rowcast.open(
        LINES
        + """
def parser_function(reader, onNext):
    for value in (1, {2}, 3):
        try: onNext({"a": value})
        except TypeError as error: print(error)
""",
        parser=PYTHON,
    )
    assert rows(await connector.read()) == [{"a": 1}, {"a": 3}]


async def test_what_read_bytes_raises_under_a_parser_is_its_own_failure(rowcast) -> None:
    source = """
def read_bytes(context, metadata):
    yield b"x"
    raise ConnectionError("lost")
def parser_function(reader):
    try: reader.read()
    except Exception as error: raise ValueError("cannot parse") from error
    yield {}
"""
    connector = await rowcast.open(source, parser=PYTHON)
    error = (await connector.read()).error()
    assert (error.code, error.retryable) == ("read.failed", True)


async def test_the_fragment_limit_counts_what_a_parser_reads(rowcast) -> None:
    connector = await rowcast.open(
        "def read_bytes(c, m):\n    while True: yield bytes(1 << 20)\n"
        "def parser_function(reader):\n    for line in reader: yield {}\n",
        parser=PYTHON,
        limits=pb.Limits(fragment_bytes=5 << 20),
    )
    assert (await connector.read()).error().code == "fragment.limit"


@pytest.mark.parametrize(
    ("source", "parser", "code"),
    [
        (LINES, PYTHON, "connector.missing_function"),
        (LINES + "def parser_function(): pass\n", PYTHON, "connector.bad_signature"),
        (LINES + "def parser_function(a, b, c): pass\n", PYTHON, "connector.bad_signature"),
        (LINES, pb.Parser(type="rows"), "connector.missing_function"),
        ("def read_rows(c): pass\n", None, "connector.bad_signature"),
    ],
)
async def test_a_parser_that_cannot_be_called_is_told_while_preparing(rowcast, source: str, parser, code: str) -> None:
    sha256 = await rowcast.put({"connector.py": (source + "def list_objects(c, m): return []\n").encode()})
    request = pb.PrepareRequest(bundle_sha256=sha256, code="connector.py", load=True, parser=parser)
    *_, last = [message async for message in rowcast.stub.Prepare(request)]
    assert last.error.code == code


async def test_preparing_says_whether_rows_will_come(rowcast) -> None:
    for source, expected in (("def read_rows(c, m): pass\n", True), (LINES, False)):
        sha256 = await rowcast.put({"connector.py": (source + "def list_objects(c, m): return []\n").encode()})
        assert (await rowcast.prepare(sha256, load=True))[-1].yields_rows is expected
