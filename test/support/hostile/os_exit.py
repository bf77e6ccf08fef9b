"""Ends its process with status 0."""

import os


def read_bytes(context, metadata):
    yield b"half"
    os._exit(0)
