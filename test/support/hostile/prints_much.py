"""Prints 12 MB, binary among it, to both streams, then yields."""

import os
import sys


def read_bytes(context, metadata):
    for _ in range(60):
        os.write(2, os.urandom(100_000))
        sys.stdout.write("line\n" * 20_000)
    yield b"fine"
