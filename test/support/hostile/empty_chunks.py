"""Yields 10 million empty chunks."""

import itertools


def read_bytes(context, metadata):
    yield from itertools.repeat(b"", 10_000_000)
    yield b"fine"
