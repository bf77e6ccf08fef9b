"""Raises a bare StopIteration, which inside a loop would be the end of the data."""


def read_bytes(context, metadata):
    raise StopIteration
