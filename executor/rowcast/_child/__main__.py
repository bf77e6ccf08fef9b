"""Entry: `python -I -u -X utf8 -X faulthandler _child/__main__.py FD`, a reader; or
`… __main__.py confine SETTINGS PROGRAM [ARGUMENT…]`, another program, shut in as readers are."""

import importlib.util
import os
import sys


def _own_package(folder: str) -> None:
    """Makes this folder importable as `_rowcast_child`, without putting any folder of ours on `sys.path`."""
    spec = importlib.util.spec_from_file_location(
        "_rowcast_child", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["_rowcast_child"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _own_package(os.path.dirname(os.path.abspath(__file__)))
    if sys.argv[1] == "confine":
        importlib.import_module("_rowcast_child.sandbox").execute(sys.argv[2], sys.argv[3:])
    importlib.import_module("_rowcast_child.main").run(int(sys.argv[1]))
