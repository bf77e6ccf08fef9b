"""Reads address 0."""

import ctypes


def read_bytes(context, metadata):
    return ctypes.string_at(0)
