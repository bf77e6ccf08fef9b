"""Forks without end; some of them leave the process group."""

import os
import time


def read_bytes(context, metadata):
    # Bounded for the machine's sake, far beyond what is allowed.
    for n in range(4000):
        if os.fork() == 0:
            if n % 3 == 0:
                os.setsid()
            time.sleep(60)
            os._exit(0)
    time.sleep(60)
