"""Runs a program that ends with its parent: ``python _with_parent.py PROGRAM [ARG…]``.

Used for the embedded nats-server, which cannot watch its parent itself. On Linux the kernel sends it SIGTERM when the
orchestrator dies, SIGKILL included; elsewhere the next start finds the old server by its runtime file.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was told
            sys.exit(1)
    os.execv(sys.argv[1], sys.argv[1:])


main()
