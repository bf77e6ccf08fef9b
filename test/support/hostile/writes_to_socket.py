"""Writes to the socket that is not its own."""

import os
import time


def read_bytes(context, metadata):
    for fd in range(3, 200):
        try:
            os.write(fd, b"garbage" * 100)
        except OSError:
            pass
    time.sleep(60)
