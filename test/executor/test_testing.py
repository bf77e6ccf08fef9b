"""`rowcast.testing` and its plug-in, over the real command line of the checkout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rowcast.testing import CannotTest, ContractError, _cli, check, run

ROOT = Path(__file__).resolve().parents[2]
YAML = "name: c\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\n"
LIST = """
def list_objects(context, metadata):
    for name in ("a", "b", "c"): yield {"name": name, "fingerprint": "1"}
"""
READ = """
def read_bytes(context, metadata):
    yield "id\\n9007199254740993\\n"
    if metadata["name"] == "b": yield "x\\n"
"""
CUT = "    if metadata['name'] == 'b': raise OSError('cut')\n"
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a connector; STATE in its code is a file that lasts from one process to the next."""
    monkeypatch.setenv("ROWCAST_HOME", str(tmp_path / "home"))

    def make(python: str, yaml: str = YAML) -> Path:
        folder = tmp_path / "c"
        folder.mkdir(exist_ok=True)
        (folder / "connector.yaml").write_text(yaml)
        (folder / "connector.py").write_text(f"STATE = {str(tmp_path / 'state')!r}\n{python}")
        return folder

    return make


def test_a_connector_that_keeps_the_contract_passes(make: Make) -> None:
    folder = make(LIST + READ)
    check(folder)
    lines = list(run(folder, "--fragment", "b"))
    assert [line["row"] for line in lines if line["type"] == "row"] == [{"id": 9007199254740993}]
    assert [(line["type"], line.get("rejected")) for line in lines[1:]] == [
        *[("reject", None), ("fragment", 1), ("summary", 1)]
    ]
    # Left early: the process behind it is gone when this returns.
    assert next(iter(run(folder)))["type"] == "row"


BROKEN = {
    "an error at import": ("import no_such_module\n" + LIST + READ, r"load: connector\.load_failed: .*no_such_module"),
    "a wrong number of parameters": (LIST + "def read_bytes(context): return b''\n", r"load: connector\.bad_signature"),
    "a failing context": ("def context(credentials): raise KeyError('k')\n" + LIST + READ, r"context: context\.failed"),
    "a failing listing": (LIST + "    raise OSError('down')\n" + READ, r"list: list\.failed: down"),
    "a name listed twice": (LIST.replace('"c"', '"a"') + READ, r"list: list\.duplicate_name: .*\"a\""),
    "a number as fingerprint": (LIST.replace('"1"', "1") + READ, r"list: list\.bad_item: .*str\(1\)"),
    "a failing fragment": (LIST + READ + CUT, r"fragment 'b': read\.failed: cut"),
    "a chunk that is none": (LIST + "def read_bytes(context, metadata): yield 5\n", r"fragment 'c': read\.bad_chunk"),
    "too many rejects": (
        LIST + "def read_bytes(context, metadata): yield 'id\\n' + 'x\\n' * 1001\n",
        r"fragment 'a': fragment\.rejects",
    ),
    "a random fingerprint": (
        "import uuid\n" + LIST.replace('"1"', "str(uuid.uuid4())") + READ,
        r"list\.unstable_fingerprint: fingerprints are others in each listing",
    ),
    "a salted fingerprint": (
        LIST.replace('"1"', "str(hash(name))") + READ,
        r"list\.unstable_fingerprint: .*in each process.*hashlib",
    ),
    "fingerprints by position": (
        LIST.replace("for name in (", "for n, name in enumerate((").replace('"c"):', '"c")):').replace('"1"', "str(n)")
        + READ,
        r"list\.order_dependent: fingerprints count",
    ),
    "a listing for the first process alone": (
        "import os\n"
        + LIST
        + "    if os.path.exists(STATE): raise OSError('busy')\n    open(STATE, 'w').close()\n"
        + READ,
        r"it lists once, and not again in another process: list\.failed: busy",
    ),
    "a header in the first fragment alone": (
        LIST.replace("context, metadata):", "context, metadata):\n    context.clear()")
        + "def read_bytes(context, metadata):\n"
        + "    yield 'id\\n1\\n' if context.setdefault('first', metadata['name']) == metadata['name'] else 'id\\n'\n",
        r"fragment 'c' gives something else when it is read alone.*: 1 rows and 0 rejects, not 0 and 0",
    ),
    "a fragment that needs the one before": (
        LIST
        + "def read_bytes(context, metadata):\n"
        + "    if metadata['name'] != 'a': context['a']\n"
        + "    context['a'] = True\n"
        + "    yield 'id\\n1\\n'\n",
        r"fragment 'c' gives something else when it is read alone.*: read\.failed: 'a'",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_that_breaks_it_is_told_where(make: Make, broken: str) -> None:
    python, says = BROKEN[broken]
    folder = make(python)
    with pytest.raises(ContractError, match=says) as raised:
        check(folder)
    assert str(raised.value).startswith(f"{folder} breaks the contract:\n- ")


def test_a_warning_may_be_meant(make: Make) -> None:
    folder = make("""
def list_objects(context, metadata):
    for n, etag in enumerate(["x", "y"]): yield {"name": f"chunk {n}", "fingerprint": etag}
def read_bytes(context, metadata): return "id\\n1\\n"
""")
    with pytest.raises(ContractError, match=r"list\.order_dependent: names count"):
        check(folder)
    check(folder, allow=["list.order_dependent"])


def test_a_source_that_changes_at_each_look_breaks_nothing(make: Make) -> None:
    folder = make("""
def list_objects(context, metadata):
    with open(STATE, "a") as file: file.write("x")
    for name in ("a", "b"): yield {"name": name, "fingerprint": str(len(open(STATE).read()))}
def read_bytes(context, metadata):
    yield "id\\n" + "1\\n" * len(open(STATE).read())
""")
    check(folder)


def test_wrong_usage_is_no_failure_of_the_connector(make: Make, tmp_path: Path) -> None:
    with pytest.raises(CannotTest, match=r"(?s)ended with 2.*no connector.yaml"):
        list(run(tmp_path))
    with pytest.raises(CannotTest, match=r"(?s)ended with 2.*recording\.missing.*rowcast record"):
        check(make(LIST + READ), replay=True)


def record(folder: Path) -> None:
    subprocess.run([*_cli(), "record", str(folder)], check=True, capture_output=True)


def test_a_recording_is_checked_without_its_source(make: Make) -> None:
    parser = "\ndef parse(reader):\n    for line in reader: yield {'id': line.decode().strip()}\n"
    yaml = YAML.replace("{type: xsv}", "{type: python, function: parse}")
    numbers = LIST + "def read_bytes(context, metadata): return b'1\\n2\\n'\n"
    record(make(numbers + parser, yaml))
    gone = (LIST + READ).replace("yield", "raise OSError('gone'); yield")
    folder = make(gone + parser, yaml)
    check(folder, replay=True)
    assert [line["rows"] for line in run(folder, "--replay") if line["type"] == "fragment"] == [2, 2, 2]
    make(gone + parser.replace("'id': line", "'no': 1 / 0, 'id': line"), yaml)
    with pytest.raises(ContractError, match=r"fragment 'a': parser\.failed: division by zero"):
        check(folder, replay=True)


def test_the_plug_in_adds_a_test_for_each_folder(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "executor"))

    def pytest_run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "rowcast._pytest", *arguments, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout

    folder = make(LIST + READ)
    record(folder)
    make(LIST + READ + CUT)
    code, output = pytest_run("--rowcast", str(folder))
    assert (code, "fragment 'b': read.failed: cut" in output, "1 failed" in output) == (1, True, True)
    code, output = pytest_run("--rowcast", str(folder), "--rowcast-replay")
    assert (code, "1 passed" in output) == (0, True), output
