"""What the executor's benchmark reads: sizes and deaths, by the fragment's name."""

import ctypes
import mmap
import os
import signal
import time

LARGE = bytes(1 << 20)
TINY = bytes(64)
SMALL = bytes(600)


def list_objects(context, metadata):
    for number in range(1_000_000):
        yield {"name": f"fragment-{number:07d}", "fingerprint": "1"}


def read_bytes(context, metadata):
    kind, _, count = metadata["name"].partition(" ")
    if kind == "large":
        return (LARGE for _ in range(int(count)))
    if kind == "tiny":
        return tiny(int(count))
    if kind == "small":
        return SMALL
    return DEATHS[kind]()


def tiny(count):
    for _ in range(count):
        yield TINY


def memory():
    taken = mmap.mmap(-1, 1 << 30)
    for at in range(0, len(taken), mmap.PAGESIZE):
        taken[at] = 1
    time.sleep(60)


def corrupt():
    for fd in range(3, 64):
        try:
            os.write(fd, b"garbage" * 100)
        except OSError:
            pass
    time.sleep(60)


def endless():
    while True:
        yield LARGE


DEATHS = {
    "endless": endless,
    "exit": lambda: os._exit(0),
    "crash": lambda: ctypes.string_at(0),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "memory": memory,
    "corrupt": corrupt,
}
