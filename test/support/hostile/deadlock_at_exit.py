"""Never gets through its exit, whatever signal asks."""

import atexit
import signal
import threading
import time


def forever():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass


for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
atexit.register(forever)


def read_bytes(context, metadata):
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire).start()
    yield b"fine"
