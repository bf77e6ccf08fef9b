"""Rows of the author, as lines of JSON: every value exactly, or TypeError. The orchestrator gives them their types."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
import uuid
from typing import Any, cast

from .faults import BadRow, shown

# The encoder takes these as they are; NaN it refuses, which leads to the careful way.
_PLAIN = frozenset({str, int, float, bool, type(None)})
_DIGITS = 4300
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False).encode


def encode_row(row: Any, number: int) -> bytes:
    """One line of NDJSON. BadRow names the row, counted from 1, and the column."""
    plain = type(row) is dict
    if not isinstance(row, dict):
        raise BadRow(f"row {number:,} is a {type(row).__name__}, not a dict: {shown(row)}")
    columns = cast("dict[Any, Any]", row)
    for name, value in columns.items():
        if type(name) is not str:
            raise BadRow(f"row {number:,} has a key of type {type(name).__name__}, not str: {shown(name)}")
        if type(value) not in _PLAIN:
            plain = False
    if plain:
        try:
            return _encode(columns).encode() + b"\n"
        except ValueError:
            # NaN, a lone surrogate, an endless integer: the column is to be named.
            pass
    out: dict[str, Any] = {}
    for name, value in columns.items():
        try:
            name.encode()
            out[name] = _value(value, 0)
            _encode(out[name]).encode()
        except (TypeError, ValueError, RecursionError) as error:
            said = "text that is no Unicode (a lone surrogate)" if isinstance(error, UnicodeError) else error
            raise BadRow(f"row {number:,}, column {shown(name)}: {said}") from None
    return _encode(out).encode() + b"\n"


def _value(value: Any, depth: int) -> Any:
    """The JSON value that carries it exactly."""
    if type(value) in (str, bool) or value is None:
        return value
    if isinstance(value, float):
        # As text, so that the column's rule for what is no value applies.
        return float(value) if math.isfinite(value) else _unreal(value)
    if isinstance(value, int):
        if value.bit_length() > _DIGITS * 3.3:
            raise TypeError(f"an integer of more than {_DIGITS:,} digits")
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    # datetime is a date too, so it comes first. Without offset the column's time zone applies.
    if isinstance(value, datetime.datetime):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(cast("Any", value))).decode()
    if depth > 100:
        raise TypeError("nested more than 100 deep, or contains itself")
    if isinstance(value, dict):
        inner = cast("dict[Any, Any]", value)
        for key in inner:
            if not isinstance(key, str):
                raise TypeError(f"has a key of type {type(key).__name__}, not str: {shown(key)}")
        return {key: _value(part, depth + 1) for key, part in inner.items()}
    if isinstance(value, (list, tuple)):
        return [_value(part, depth + 1) for part in cast("list[Any]", value)]
    # numpy's scalars, without importing it.
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        plain = item()
        if type(plain) is not type(value):
            return _value(plain, depth + 1)
    raise TypeError(f"a {type(value).__name__} cannot be sent: {shown(value)}")


def _unreal(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
