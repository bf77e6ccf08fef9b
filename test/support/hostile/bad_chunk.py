"""Yields an object whose __str__ and __repr__ raise."""


class Bad:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


def read_bytes(context, metadata):
    yield Bad()
