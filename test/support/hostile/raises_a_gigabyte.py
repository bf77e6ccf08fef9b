"""Raises with a text of 300 MB."""


def read_bytes(context, metadata):
    raise ValueError("x" * 300_000_000)
