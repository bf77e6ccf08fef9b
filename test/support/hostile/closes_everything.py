"""Closes every descriptor."""

import os


def read_bytes(context, metadata):
    os.closerange(0, 4096)
    yield b"x"
