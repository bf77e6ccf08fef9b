"""For authors: a connector's rows in a test, and the contract's checks of it. Also a pytest plug-in.

    from rowcast.testing import check, run

    def test_rows():
        rows = [line["row"] for line in run("connectors/airports") if line["type"] == "row"]
        assert rows[0]["icao"] == "00AK"

    def test_contract():
        check("connectors/airports")

    def test_parser():
        check("connectors/airports", replay=True)  # of what `rowcast record` stored: no source, no credentials

With pytest: `pytest --rowcast connectors/airports` adds a test of the contract for each folder named, and
`--rowcast-replay` takes what was recorded.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

__all__ = ["CannotTest", "ContractError", "check", "run"]

Line = dict[str, Any]


class CannotTest(Exception):
    """`rowcast test` cannot be run, or refuses the folder: wrong usage or configuration, a damaged recording."""


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


def check(
    folder: str | os.PathLike[str],
    *,
    max_rows: int = 1000,
    replay: bool = False,
    allow: Collection[str] = (),
    cli: Sequence[str] = (),
) -> None:
    """Holds a connector to what connectors promise; ContractError lists all that it breaks.

    - It loads without credentials; its functions are there and take their arguments; `context` and the listing succeed,
      also in another process. Items have what items must have, and names are unique.
    - Names and fingerprints last: what `rowcast test` warns of is a failure here, unless `allow` has its code. Chunks
      of one table may well be named by their number: `allow=["list.order_dependent"]`.
    - No fragment fails of those that hold the first `max_rows` rows: chunks and rows are what they may be, and rejects
      stay within the budget.
    - What a fragment gives does not depend on those that were read before it: the last of them is read again, alone.

    `replay`: of what `rowcast record` stored, so that schema and parser are held to it, not the source.
    """
    seen = _Seen(allow)
    seen.add(run(folder, "--max-rows", str(max_rows), *(["--replay"] if replay else []), cli=cli))
    wrong = seen.wrong
    last = seen.last()
    if last is not None and not replay:
        alone = _Seen()
        alone.add(run(folder, "--fragment", last, "--no-checks", "--max-rows", str(max_rows + 1), cli=cli))
        wrong += alone.differences(seen, last)
    if wrong:
        raise ContractError(f"{os.fspath(folder)} breaks the contract:\n" + "\n".join(f"- {one}" for one in wrong))


class _Seen:
    """What one run showed."""

    def __init__(self, allow: Collection[str] = ()) -> None:
        self.wrong: list[str] = []
        self._allow = allow
        # Those that were read whole, in order.
        self._fragments: dict[str, Line] = {}

    def add(self, lines: Iterator[Line]) -> None:
        for line in lines:
            kind = line["type"]
            if kind == "fragment" and not line.get("truncated"):
                self._fragments[line["name"]] = line
            if kind == "error":
                self.wrong.append(f"{line['stage']}: {_said(line)}")
            elif kind == "fragment" and line["status"] == "failed":
                self.wrong.append(f"fragment {line['name']!r}: {_said(line)}")
            elif kind == "warning" and line["code"] not in self._allow:
                self.wrong.append(f"{line['code']}: {line['message']}")
            elif kind == "unchecked" and "error" in line:
                self.wrong.append(f"it lists once, and not again in another process: {_said(line)}")

    def last(self) -> str | None:
        """The last fragment that was read well, when others had been read before it."""
        names = list(self._fragments)
        return names[-1] if len(names) > 1 and self._fragments[names[-1]]["status"] == "ok" else None

    def differences(self, before: _Seen, name: str) -> list[str]:
        """What is said of the fragment that was read alone here, and after others before."""
        alone, after = self._fragments.get(name), before._fragments[name]
        # Another fingerprint: it has changed meanwhile. None: it is gone.
        if alone is None or alone["fingerprint"] != after["fingerprint"]:
            return []
        where = f"fragment {name!r} gives something else when it is read alone, in a process of its own"
        if alone["status"] == "failed":
            return [f"{where}: {_said(alone)}"]
        counts = [(line["rows"], line["rejected"]) for line in (after, alone)]
        if counts[0] == counts[1]:
            return []
        (rows, rejected), (rows_alone, rejected_alone) = counts
        return [f"{where}: {rows_alone} rows and {rejected_alone} rejects, not {rows} and {rejected}"]


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
