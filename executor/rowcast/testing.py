"""For authors: a connector's rows in a test, and the contract's checks of it. Also a pytest plug-in.

    from rowcast.testing import check, run

    def test_rows():
        rows = [line["row"] for line in run("connectors/airports") if line["type"] == "row"]
        assert rows[0]["icao"] == "00AK"

    def test_contract():
        check("connectors/airports")

With pytest: `pytest --rowcast connectors/airports` adds a test of the contract for each folder named.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

__all__ = ["CannotTest", "ContractError", "check", "run"]

Line = dict[str, Any]


class CannotTest(Exception):
    """`rowcast test` cannot be run, or refuses the folder: wrong usage or configuration."""


class ContractError(AssertionError):
    """A connector breaks the contract; the message says where."""


def run(folder: str | os.PathLike[str], *arguments: str, cli: Sequence[str] = ()) -> Iterator[Line]:
    """The lines of `rowcast test FOLDER --json` as dicts, while they come: `row`, `reject`, `fragment`, `summary`.

    `arguments` go to the command line, as in `run(folder, "--max-rows", "10")`. The command is `cli`, else
    `ROWCAST_CLI`, else `rowcast` on PATH, else the checkout's. CannotTest when it ends with exit code 2 or 3.
    """
    command = [*(cli or _cli()), "test", os.fspath(folder), "--json", *arguments]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.strip():
                    yield json.loads(line)
        finally:
            # Left early: nobody reads on.
            process.stdout.close()
            if process.poll() is None:
                process.terminate()
            code = process.wait()
        if code not in (0, 1):
            said.seek(0)
            raise CannotTest(f"{shlex.join(command)} ended with {code}: {said.read()[-4000:].decode(errors='replace')}")


def check(folder: str | os.PathLike[str], *, max_rows: int = 1000, cli: Sequence[str] = ()) -> None:
    """Holds a connector to what connectors promise; ContractError lists all that it breaks.

    It lists twice: names are unique, both listings are complete and agree on names and fingerprints (a salted hash or a
    time as fingerprint would read everything anew at each refresh). It reads up to `max_rows` rows: no fragment fails.
    """
    wrong: list[str] = []
    listings = [_listing(run(folder, "--list", cli=cli), wrong) for _ in range(2)]
    first, second = listings
    if first.keys() != second.keys():
        names = sorted(first.keys() ^ second.keys())
        wrong.append(f"two listings differ in names: {', '.join(map(repr, names[:5]))} of {len(names)}")
    unstable = sorted(name for name in first.keys() & second.keys() if first[name] != second[name])
    if unstable:
        wrong.append(
            f"fingerprints differ between two listings: {', '.join(map(repr, unstable[:5]))} of {len(unstable)}; "
            "a fingerprint changes only when its content does"
        )
    failed = [line for line in run(folder, "--max-rows", str(max_rows), cli=cli) if _failed(line)]
    wrong += [f"{_where(line)}: {_said(line)}" for line in failed]
    if wrong:
        raise ContractError(f"{os.fspath(folder)} breaks the contract:\n" + "\n".join(f"- {one}" for one in wrong))


def _listing(lines: Iterator[Line], wrong: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        if line["type"] == "listed" and not line.get("is_prefix"):
            if line["name"] in found:
                wrong.append(f"the name {line['name']!r} is listed twice")
            found[line["name"]] = line["fingerprint"]
        elif line["type"] == "error":
            wrong.append(f"{_where(line)}: {_said(line)}")
    return found


def _failed(line: Line) -> bool:
    return line["type"] == "error" or (line["type"] == "fragment" and line["status"] == "failed")


def _where(line: Line) -> str:
    return f"fragment {line['name']!r}" if line["type"] == "fragment" else str(line.get("stage", "connector"))


def _said(line: Line) -> str:
    error = cast("Line", line.get("error") or {})
    return f"{error.get('code', 'failed')}: {error.get('message', '')}"


def _cli() -> list[str]:
    given = os.environ.get("ROWCAST_CLI")
    if given:
        return shlex.split(given)
    found = shutil.which("rowcast")
    if found:
        return [found]
    checkout = Path(__file__).resolve().parents[2]
    program, node = checkout / "orchestrator" / "cli" / "bin.mjs", checkout / "node_modules" / ".bin" / "node"
    if program.exists() and node.exists():
        return [str(node), str(program)]
    raise CannotTest("no `rowcast` on PATH; install it, or say how it is run in ROWCAST_CLI")
