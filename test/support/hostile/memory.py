"""Eats memory."""


def read_bytes(context, metadata):
    kept = []
    while True:
        kept.append(bytearray(16 << 20))
