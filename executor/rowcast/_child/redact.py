"""Cuts secrets out of text that leaves the executor: log lines, error messages, tracebacks."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from typing import Any, Callable, cast
from urllib.parse import quote, quote_plus

# Shorter ones would blank out ordinary words, and guessing them needs no log.
MIN_SECRET = 6
CUT = "[secret]"


class Redactor:
    """Knows the forms in which one session's credentials may show. `longest` is the longest of them, in characters."""

    def __init__(self, credentials: str) -> None:
        forms = sorted(_forms(credentials), key=len, reverse=True)
        self.longest = len(forms[0]) if forms else 0
        self._pattern = re.compile("|".join(map(re.escape, forms))) if forms else None

    def __call__(self, text: str) -> str:
        """`text` without secrets. Promise 10: a secret appears in no log and no error."""
        return self._pattern.sub(CUT, text) if self._pattern is not None else text

    def cut(self, text: str, limit: int) -> str:
        """`text` without secrets and at most `limit` bytes of UTF-8, keeping its head."""
        # Looks at a bounded head of a text of any size; what the bound may have split is left out.
        bound = limit + self.longest
        head = self(text[:bound])
        if len(text) > bound:
            head = head[: max(0, len(head) - self.longest)]
        raw = head.encode("utf-8", "replace")
        if len(raw) <= limit and len(text) <= bound:
            return raw.decode()
        return raw[: max(0, limit - 3)].decode("utf-8", "ignore") + "…"


def _forms(credentials: str) -> set[str]:
    leaves = {credentials}
    with contextlib.suppress(ValueError, RecursionError):
        _collect(json.loads(credentials), leaves)
    # A text of several lines, a key for one, is printed line by line.
    leaves |= {line.strip() for leaf in leaves for line in (leaf, *leaf.splitlines())}
    forms: set[str] = set()
    for leaf in leaves:
        if len(leaf) < MIN_SECRET:
            continue
        raw = leaf.encode("utf-8", "replace")
        encoders: tuple[Callable[[bytes], bytes], ...] = (base64.b64encode, base64.urlsafe_b64encode)
        for encode in encoders:
            forms |= _within(encode, raw)
        forms |= {leaf, quote(raw), quote(raw, safe=""), quote_plus(raw)}
        # Twice: JSON in the text of an exception is shown by its repr.
        escaped = _escaped(leaf)
        forms |= escaped.union(*map(_escaped, escaped))
    return {form for form in forms if len(form) >= MIN_SECRET}


def _escaped(text: str) -> set[str]:
    return {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}


def _within(encode: Callable[[bytes], bytes], raw: bytes) -> set[str]:
    """The characters that stand for `raw` alone wherever it is in what was encoded: by itself, or as the password after
    a user's name and a colon. They come in three ways, as three bytes make four characters."""
    found: set[str] = set()
    for before in range(3):
        encoded = encode(b"\0" * before + raw).decode()
        # Six bits each: the first may hold some of what is before it, the last of what follows.
        found.add(encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6])
    return found


def _collect(value: Any, into: set[str]) -> None:
    if isinstance(value, str):
        into.add(value)
    elif isinstance(value, dict):
        for part in cast("dict[str, Any]", value).values():
            _collect(part, into)
    elif isinstance(value, list):
        for part in cast("list[Any]", value):
            _collect(part, into)
