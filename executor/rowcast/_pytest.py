"""The pytest plug-in: `pytest --rowcast DIR` tests the contract of the connector in DIR.

With `--rowcast-replay`, of what `rowcast record` stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def pytest_addoption(parser: Any) -> None:
    """The options."""
    parser.addoption(
        "--rowcast", action="append", default=[], metavar="DIR", help="a folder with a connector.yaml; may be repeated"
    )
    parser.addoption(
        "--rowcast-replay", action="store_true", help="read what `rowcast record` stored in place of the source"
    )


def pytest_collection_modifyitems(session: Any, config: Any, items: list[Any]) -> None:
    """A test for each folder."""
    replay = config.getoption("--rowcast-replay")
    items.extend(_contract(session, Path(folder), replay=replay) for folder in config.getoption("--rowcast"))


def _contract(session: Any, folder: Path, *, replay: bool) -> Any:
    # Imported here: the plug-in is loaded by every run of pytest, pytest itself is no dependency of ours.
    import pytest

    from rowcast.testing import CannotTest, ContractError, check

    class Contract(pytest.Item):
        def runtest(self) -> None:
            check(folder, replay=replay)

        def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
            if isinstance(excinfo.value, (CannotTest, ContractError)):
                return str(excinfo.value)
            return super().repr_failure(excinfo)

        def reportinfo(self) -> tuple[Path, int, str]:
            return folder, 0, f"contract of {folder.name}"

    make: Any = Contract
    return make.from_parent(session, name=f"contract[{folder.name}]")
