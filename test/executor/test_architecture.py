"""Who may import whom, read from the import lines."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "executor" / "rowcast"
CHILD = sorted((PACKAGE / "_child").glob("*.py"))
# The edge: the only modules that know gRPC and the generated messages.
EDGE = {"_servicer.py", "_server.py", "_convert.py", "_tls.py"}
# Ours, and started by others as a program.
OURS = sorted(path for path in PACKAGE.glob("*.py") if path.name != "_with_parent.py")


def imports(path: Path, *, version: tuple[int, int] = (3, 11)) -> set[str]:
    """Full names of what a file imports, `.` for a relative one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), feature_version=version)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {"."} if node.level else {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", [*CHILD, PACKAGE / "errors.py"], ids=lambda path: path.name)
def test_what_runs_beside_the_author_needs_the_standard_library_and_python_39_only(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(path, version=(3, 9)) if name != "."}
    assert tops <= sys.stdlib_module_names


def test_the_package_itself_imports_nothing_heavy() -> None:
    assert imports(PACKAGE / "__init__.py") == {"rowcast.errors.Retryable"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_only_the_edge_knows_grpc_and_messages(path: Path) -> None:
    known = {name for name in imports(path) if re.match(r"grpc|rowcast\.v1|google", name)}
    assert not known or path.name in EDGE


def test_exports_are_sorted() -> None:
    import rowcast
    from rowcast import errors

    for module in (rowcast, errors):
        assert module.__all__ == sorted(module.__all__)


def test_the_version_is_the_project_files() -> None:
    from rowcast._version import VERSION

    assert tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]["version"] == VERSION


@pytest.mark.parametrize("path", [*OURS, *CHILD], ids=lambda path: path.name)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
