"""Changes its folder, removes its scratch folder, reads stdin."""

import os
import shutil
import sys


def read_bytes(context, metadata):
    assert sys.stdin is None or sys.stdin.read() == ""
    os.chdir("/")
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    yield b"fine"
