"""Leaves files, folders without rights, sockets and shared memory behind."""

import os
import socket


def read_bytes(context, metadata):
    own = os.environ["TMPDIR"]
    os.makedirs(own + "/a/b")
    with open(own + "/a/b/file", "wb") as file:
        file.write(bytes(1 << 20))
    os.chmod(own + "/a", 0)
    socket.socket(socket.AF_UNIX).bind(own + "/socket")
    with open("/dev/shm/rowcast-hostile-left", "wb") as file:
        file.write(bytes(1 << 20))
    yield b"fine"
