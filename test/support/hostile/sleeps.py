"""Never yields, asleep in C."""

import time


def read_bytes(context, metadata):
    time.sleep(600)
