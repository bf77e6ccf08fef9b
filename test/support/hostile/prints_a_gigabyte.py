"""Prints 1 GB and yields nothing."""

import os


def read_bytes(context, metadata):
    line = b"x" * 99 + b"\n"
    for _ in range(10_000):
        os.write(1, line * 1000)
