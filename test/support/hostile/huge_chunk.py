"""Yields a chunk of 3 GB."""


def read_bytes(context, metadata):
    yield b"x" * (3 << 30)
