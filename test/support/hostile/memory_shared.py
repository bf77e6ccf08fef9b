"""Eats memory that no resource limit counts: a shared map."""

import mmap
import time


def read_bytes(context, metadata):
    memory = mmap.mmap(-1, 700 << 20)
    for at in range(0, len(memory), mmap.PAGESIZE):
        memory[at] = 1
    time.sleep(60)
