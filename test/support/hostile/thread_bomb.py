"""Starts threads without end."""

import threading
import time


def read_bytes(context, metadata):
    threading.stack_size(64 << 10)
    for _ in range(700):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(60)
