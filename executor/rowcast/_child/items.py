"""The rules of a listed item, and the dict that is handed over for it."""

from __future__ import annotations

import datetime
import json
from typing import Any, cast

from .faults import Fault, shown

MAX_NAME_BYTES = 2048
MAX_FINGERPRINT_BYTES = 1024
MAX_ITEM_BYTES = 64 << 10
_OWN_KEYS = frozenset({"name", "fingerprint", "is_prefix"})
_SCALARS = (str, int, float, bool, type(None))

Metadata = dict[str, Any]


class Listed:
    """A checked item, as bytes: what goes on the wire, and what a later call gets."""

    __slots__ = ("extra", "fingerprint", "is_prefix", "name")

    def __init__(self, name: bytes, fingerprint: bytes | None, extra: bytes, is_prefix: bool) -> None:
        self.name = name
        self.fingerprint = fingerprint
        # The whole item as JSON when it has keys of the author's own, else empty.
        self.extra = extra
        self.is_prefix = is_prefix


def check(raw: object) -> Listed:
    """The item, or `list.bad_item`, which shows it."""
    if not isinstance(raw, dict):
        raise bad(raw, f"is a {type(raw).__name__}, not a dict; yield {{'name': …, 'fingerprint': …}}")
    item = cast("dict[Any, Any]", raw)
    is_prefix = item.get("is_prefix", False)
    if is_prefix is not True and is_prefix is not False:
        raise bad(item, f"has `is_prefix` of type {type(is_prefix).__name__}; it is True or False")
    name = _text(item, "name", item.get("name"), MAX_NAME_BYTES)
    if not name:
        raise bad(item, "has an empty `name`")
    if b"\0" in name:
        raise bad(item, "has U+0000 in its `name`")
    fingerprint = item.get("fingerprint")
    print_ = (
        None if is_prefix and fingerprint is None else _text(item, "fingerprint", fingerprint, MAX_FINGERPRINT_BYTES)
    )
    own = 2 + ("is_prefix" in item) if "fingerprint" in item else 1 + ("is_prefix" in item)
    return Listed(name, print_, _extra(item) if len(item) > own else b"", is_prefix)


def _text(item: dict[Any, Any], key: str, value: object, limit: int) -> bytes:
    if not isinstance(value, str):
        if key not in item:
            raise bad(item, f"has no `{key}`")
        hint = f"; use str({shown(value)})" if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
        raise bad(item, f"has a `{key}` of type {type(value).__name__}, not str{hint}")
    # Each character takes at least a byte: a name of 50 MB is refused unencoded.
    if len(value) > limit:
        raise bad(item, f"has a `{key}` of {len(value):,} characters; at most {limit:,} bytes")
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        raise bad(item, f"has a `{key}` that is no Unicode text (a lone surrogate)") from None
    if len(encoded) > limit:
        raise bad(item, f"has a `{key}` of {len(encoded):,} bytes; at most {limit:,}")
    return encoded


def _extra(item: dict[Any, Any]) -> bytes:
    if "last_modified" in item:
        item = {**item, "last_modified": _rfc3339(item["last_modified"])}
    for key, value in item.items():
        if not isinstance(key, str):
            raise bad(item, f"has a key of type {type(key).__name__}; keys are str")
        if key not in _OWN_KEYS:
            _jsonable(item, key, value)
    try:
        text = json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise bad(item, f"is not JSON: {error}") from None
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise bad(item, "has text that is no Unicode (a lone surrogate)") from None
    if len(encoded) > MAX_ITEM_BYTES:
        raise bad(item, f"is {len(encoded):,} bytes as JSON; at most {MAX_ITEM_BYTES:,}")
    return encoded


def _jsonable(item: dict[Any, Any], key: str, value: Any) -> None:
    """JSON would turn other keys than `str` into text without a word; everything else `json.dumps` refuses itself."""
    if isinstance(value, _SCALARS):
        return
    waiting: list[Any] = [value]
    seen = 0
    while waiting:
        part = waiting.pop()
        seen += 1
        if seen > MAX_ITEM_BYTES:
            raise bad(
                item, f"has a `{key}` that is too large or contains itself; at most {MAX_ITEM_BYTES:,} bytes as JSON"
            )
        if isinstance(part, dict):
            for inner in cast("dict[Any, Any]", part):
                if not isinstance(inner, str):
                    raise bad(item, f"has in `{key}` a key of type {type(inner).__name__}; keys are str")
            waiting.extend(cast("dict[Any, Any]", part).values())
        elif isinstance(part, (list, tuple)):
            waiting.extend(cast("list[Any]", part))
        elif not isinstance(part, _SCALARS):
            raise bad(item, f"has in `{key}` a {type(part).__name__}, which is not a JSON value")


def _rfc3339(value: Any) -> Any:
    """`datetime` and protobuf's `Timestamp` as RFC 3339 text; a datetime without offset is taken as UTC."""
    if isinstance(value, datetime.datetime):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text if value.tzinfo is not None else text + "Z"
    if not isinstance(value, _SCALARS) and callable(getattr(value, "ToJsonString", None)):
        return str(value.ToJsonString())
    return value


def bad(item: object, what: str) -> Fault:
    """A `list.bad_item` that shows the item."""
    return Fault("list.bad_item", f"an item {what}. The item: {shown(item)}")


def metadata(name: str, fingerprint: str | None, extra: str | bytes, *, is_prefix: bool) -> Metadata:
    """A fresh dict for the author's function: the keys as yielded, and those every item has."""
    if not extra:
        return {"name": name, "fingerprint": fingerprint, "is_prefix": is_prefix}
    out: Metadata = json.loads(extra)
    out["name"] = name
    out["fingerprint"] = fingerprint
    out["is_prefix"] = is_prefix
    return out
