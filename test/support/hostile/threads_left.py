"""Leaves threads running that never end."""

import threading


def read_bytes(context, metadata):
    for _ in range(20):
        threading.Thread(target=threading.Event().wait).start()
    yield b"fine"
