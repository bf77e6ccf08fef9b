"""Recurses without end."""


def read_bytes(context, metadata):
    return read_bytes(context, metadata)
