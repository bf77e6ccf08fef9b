"""The author's module: importing it, finding its functions, calling them by position."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Callable

from .faults import Fault


class Connector:
    """A loaded connector."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.list_objects = self._function("list_objects", "list_objects(context, metadata)")
        self.read_bytes = self._function("read_bytes", "read_bytes(context, metadata)")

    def _function(self, name: str, shape: str) -> Callable[..., Any]:
        found = getattr(self._module, name, None)
        if not callable(found):
            what = "has no function" if found is None else "has no function (it is something else)"
            where = f"{self._module.__name__}.py"
            raise Fault("connector.missing_function", f"{where} {what} `{name}`; define `def {shape}:`")
        return found

    def context(self, credentials: str) -> Any:
        """What the author's `context` makes of the credentials; `{}` when there is no such function."""
        make = getattr(self._module, "context", None)
        if make is None:
            return {}
        if not callable(make):
            raise Fault("connector.missing_function", "`context` is not a function; define `def context(credentials):`")
        return make(credentials)

    def check_signatures(self) -> None:
        """Raises `connector.bad_signature` unless each function takes the number of arguments it gets."""
        # Imported here: only the throw-away reader of Prepare needs it, and it costs 10 ms.
        import inspect

        expected: Sequence[tuple[str, int]] = (("context", 1), ("list_objects", 2), ("read_bytes", 2))
        for name, count in expected:
            function = getattr(self._module, name, None)
            if function is None:
                continue
            try:
                signature = inspect.signature(function)
            except (TypeError, ValueError):
                continue
            try:
                signature.bind(*range(count))
            except TypeError as error:
                message = (
                    f"`{name}` is called with {count} argument{'s' * (count > 1)}, by position, but is defined as "
                )
                raise Fault("connector.bad_signature", f"{message}`{name}{signature}`: {error}") from None


def load(*, bundle: str, code: str, package: str) -> Connector:
    """Imports the author's file. Any exception of it passes through."""
    sys.path.insert(0, bundle)
    # Only the name `rowcast`, and after all the author's own: our folder's neighbours (grpc, protobuf) stay invisible.
    sys.meta_path.append(_Rowcast(package))
    # Bundles and environments are shared and read-only.
    sys.dont_write_bytecode = True
    stem = os.path.splitext(os.path.basename(code))[0]
    # A connector called json.py must not become the `json` of everybody else.
    name = stem if stem not in sys.modules else "rowcast_connector"
    spec = importlib.util.spec_from_file_location(name, os.path.join(bundle, code))
    if spec is None or spec.loader is None:
        raise Fault("connector.load_failed", f"{code} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return Connector(module)


class _Rowcast(importlib.abc.MetaPathFinder):
    """Finds the package `rowcast` for `from rowcast import Retryable`."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "rowcast":
            return None
        return importlib.util.spec_from_file_location(
            fullname, os.path.join(self._package, "__init__.py"), submodule_search_locations=[self._package]
        )
