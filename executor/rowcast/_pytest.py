"""The pytest plug-in: `pytest --rowcast DIR` tests the contract of the connector in DIR."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any


def pytest_addoption(parser: Any) -> None:
    """The option."""
    parser.addoption(
        "--rowcast", action="append", default=[], metavar="DIR", help="a folder with a connector.yaml; may be repeated"
    )


def pytest_collection_modifyitems(session: Any, config: Any, items: list[Any]) -> None:
    """A test for each folder."""
    for folder in config.getoption("--rowcast"):
        items.extend(_Contract.collect_for(session, Path(folder)))


class _Contract:
    @staticmethod
    def collect_for(session: Any, folder: Path) -> Iterator[Any]:
        # Imported here: the plug-in is loaded by every run of pytest, pytest itself is no dependency of ours.
        import pytest

        from rowcast.testing import ContractError, check

        class Contract(pytest.Item):
            def runtest(self) -> None:
                check(folder)

            def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
                if isinstance(excinfo.value, ContractError):
                    return str(excinfo.value)
                return super().repr_failure(excinfo)

            def reportinfo(self) -> tuple[Path, int, str]:
                return folder, 0, f"contract of {folder.name}"

        make: Any = Contract
        yield make.from_parent(session, name=f"contract[{folder.name}]")
