"""Recurses without end where Python does not count."""

import sys


def read_bytes(context, metadata):
    sys.setrecursionlimit(1 << 30)
    value = None
    for _ in range(3_000_000):
        value = [value]
    return repr(value)
