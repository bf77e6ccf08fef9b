"""Yields once, then ignores whatever asks it to end; so do its children and threads."""

import os
import signal
import subprocess
import threading
import time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
    signal.signal(number, signal.SIG_IGN)


def forever():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass


def read_bytes(context, metadata):
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    if os.fork() == 0:
        forever()
    threading.Thread(target=forever, daemon=True).start()
    try:
        yield b"begun" + b" " * (1 << 20)
        forever()
    finally:
        forever()
