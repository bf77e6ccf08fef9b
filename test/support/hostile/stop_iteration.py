"""Raises what loops take as their end."""


class Chunks:
    def __iter__(self):
        return self

    def __next__(self):
        raise KeyboardInterrupt


def read_bytes(context, metadata):
    return Chunks()
