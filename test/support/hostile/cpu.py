"""Uses more CPU than it may, yielding all the time."""


def read_bytes(context, metadata):
    while True:
        sum(range(100_000))
        yield b"."
