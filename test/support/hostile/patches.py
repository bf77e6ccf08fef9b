"""Patches builtins and the modules that the reader runs on."""

import builtins
import json
import os
import socket
import struct
import threading
import time


def read_bytes(context, metadata):
    yield b"x" * 100

    def broken(*_, **__):
        raise RuntimeError("patched")

    for module, names in {
        builtins: ("len", "open", "print", "isinstance", "bytes", "memoryview"),
        json: ("loads", "dumps"),
        os: ("write", "close", "fstat", "kill"),
        socket: ("socket",),
        struct: ("pack",),
        threading: ("Thread", "Lock"),
        time: ("time", "monotonic", "sleep", "time_ns"),
    }.items():
        for name in names:
            setattr(module, name, broken)
    yield b"y" * 100
