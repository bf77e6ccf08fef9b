"""Raises what cannot be shown."""


class Bad(Exception):
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


def read_bytes(context, metadata):
    raise Bad()
