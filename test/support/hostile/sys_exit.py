"""Calls sys.exit in mid-read."""

import sys


def read_bytes(context, metadata):
    yield b"half"
    sys.exit(0)
