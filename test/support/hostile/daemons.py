"""Leaves daemons behind: double forks in sessions of their own, one of them without its environment."""

import os
import subprocess
import time


def read_bytes(context, metadata):
    for n in range(4):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                if n % 2:
                    os.execve("/bin/sleep", ["sleep", "600"], {})
                time.sleep(600)
            os._exit(0)
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield b"fine"
