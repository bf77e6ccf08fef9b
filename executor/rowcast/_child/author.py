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
from .reading import Read, pour


class Connector:
    """A loaded connector. `rows`: it yields rows, not bytes."""

    def __init__(self, module: ModuleType, parser: Callable[..., Any] | None = None, kind: str = "") -> None:
        self._module = module
        self.list_objects = self._function("list_objects", "list_objects(context, metadata)")
        only_rows = self._has("read_rows") and not hasattr(module, "read_bytes")
        self.rows = parser is not None or kind == "rows" or only_rows
        if not self.rows:
            read_bytes = self._function("read_bytes", "read_bytes(context, metadata)")
            self.read: Read = lambda context, metadata, sink: pour(read_bytes(context, metadata), sink)
            return
        # Imported here: most connectors yield bytes, and it costs 3 ms.
        from . import parsing

        if parser is not None:
            self.read = parsing.parses(self._function("read_bytes", "read_bytes(context, metadata)"), parser)
        else:
            self.read = parsing.reads_rows(self._function("read_rows", "read_rows(context, metadata)"))

    def _has(self, name: str) -> bool:
        return callable(getattr(self._module, name, None))

    def _function(self, name: str, shape: str) -> Callable[..., Any]:
        return function(self._module, name, shape)

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

        expected: Sequence[tuple[str, int]] = (("context", 1), ("list_objects", 2), ("read_bytes", 2), ("read_rows", 2))
        for name, count in expected:
            found = getattr(self._module, name, None)
            if found is None:
                continue
            try:
                signature = inspect.signature(found)
            except (TypeError, ValueError):
                continue
            try:
                signature.bind(*range(count))
            except TypeError as error:
                message = (
                    f"`{name}` is called with {count} argument{'s' * (count > 1)}, by position, but is defined as "
                )
                raise Fault("connector.bad_signature", f"{message}`{name}{signature}`: {error}") from None


def function(module: ModuleType, name: str, shape: str) -> Callable[..., Any]:
    """A function of the author's module, or `connector.missing_function`."""
    found = getattr(module, name, None)
    if not callable(found):
        what = "has no function" if found is None else "has no function (it is something else)"
        where = f"{module.__name__}.py"
        raise Fault("connector.missing_function", f"{where} {what} `{name}`; define `def {shape}:`")
    return found


def load(*, bundle: str, code: str, package: str, parser: dict[str, str] | None = None) -> Connector:
    """Imports the author's file, and that of the parser if it is another. Any exception of it passes through."""
    sys.path.insert(0, bundle)
    # Only the name `rowcast`, and after all the author's own: our folder's neighbours (grpc, protobuf) stay invisible.
    sys.meta_path.append(_Rowcast(package))
    # Bundles and environments are shared and read-only.
    sys.dont_write_bytecode = True
    module = _module(bundle, code)
    wanted = parser or {"type": ""}
    if wanted["type"] != "python":
        return Connector(module, kind=wanted["type"])
    name = wanted["function"] or "parser_function"
    where = module if wanted["code"] in ("", code) else _module(bundle, wanted["code"])
    return Connector(module, function(where, name, f"{name}(reader, onNext)"))


def _module(bundle: str, code: str) -> ModuleType:
    stem = os.path.splitext(os.path.basename(code))[0]
    # A connector called json.py must not become the `json` of everybody else.
    name = stem if stem not in sys.modules else f"rowcast_{stem}"
    spec = importlib.util.spec_from_file_location(name, os.path.join(bundle, code))
    if spec is None or spec.loader is None:
        raise Fault("connector.load_failed", f"{code} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


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
