"""Lists without end."""

import itertools


def list_objects(context, metadata):
    return ({"name": str(n), "fingerprint": ""} for n in itertools.count())


def read_bytes(context, metadata):
    return b""
