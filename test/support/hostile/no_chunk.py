"""Yields a number."""


def read_bytes(context, metadata):
    yield b"half"
    yield 5
