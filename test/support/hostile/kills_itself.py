"""Sends itself SIGKILL."""

import os
import signal


def read_bytes(context, metadata):
    os.kill(os.getpid(), signal.SIGKILL)
