"""`rowcast.testing`, over a command line that prints what a test says, and over the real one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rowcast.testing import CannotTest, ContractError, check, run

ROOT = Path(__file__).resolve().parents[2]
FAKE = """
import json, sys
from pathlib import Path
state = Path(sys.argv[2]) / "runs"
runs = int(state.read_text()) if state.exists() else 0
state.write_text(str(runs + 1))
lines = json.loads((Path(sys.argv[2]) / "lines.json").read_text())
for line in lines["list" if "--list" in sys.argv else "read"]:
    print(json.dumps(line).replace("SALT", str(runs)))
sys.exit(lines["exit"])
"""
LISTED = {"type": "listed", "name": "a", "fingerprint": "1", "is_prefix": False, "depth": 0}
READ = {"type": "fragment", "name": "a", "status": "ok", "rows": 1}
BAD = {"type": "fragment", "name": "a", "status": "failed", "error": {"code": "read.failed", "message": "no"}}
ERROR = {"type": "error", "stage": "list", "error": {"code": "list.failed", "message": "down"}}


@pytest.fixture
def connector(tmp_path: Path):
    """Makes a folder and the command that tests it."""

    def make(listed: list[object], read: list[object], code: int = 0) -> tuple[Path, list[str]]:
        (tmp_path / "lines.json").write_text(json.dumps({"list": listed, "read": read, "exit": code}))
        return tmp_path, [sys.executable, "-c", FAKE]

    return make


def test_a_connector_that_keeps_the_contract_passes(connector) -> None:
    folder, cli = connector([LISTED], [READ])
    check(folder, cli=cli)
    assert list(run(folder, cli=cli)) == [READ]


@pytest.mark.parametrize(
    ("listed", "read", "says"),
    [
        ([LISTED, LISTED], [READ], "'a' is listed twice"),
        ([{**LISTED, "fingerprint": "SALT"}], [READ], "fingerprints differ between two listings: 'a'"),
        ([{**LISTED, "name": "SALT"}], [READ], "differ in names"),
        ([ERROR], [READ], "list: list.failed: down"),
        ([LISTED], [BAD], "fragment 'a': read.failed: no"),
    ],
)
def test_one_that_breaks_it_is_told_where(connector, listed, read, says: str) -> None:
    folder, cli = connector(listed, read, 1)
    with pytest.raises(ContractError, match=says):
        check(folder, cli=cli)


def test_wrong_usage_is_no_failure_of_the_connector(connector) -> None:
    folder, cli = connector([], [], 2)
    with pytest.raises(CannotTest, match="ended with 2"):
        list(run(folder, cli=cli))


def test_the_plug_in_adds_a_test_for_each_folder(connector, tmp_path: Path, monkeypatch) -> None:
    folder, cli = connector([LISTED], [BAD], 1)
    (tmp_path / "cli.py").write_text(cli[2])
    monkeypatch.setenv("ROWCAST_CLI", f"{sys.executable} {tmp_path / 'cli.py'}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "rowcast._pytest", "--rowcast", str(folder), str(tmp_path)]
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "executor"))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "fragment 'a': read.failed: no" in done.stdout
    assert "1 failed" in done.stdout
