"""Lists a name of 50 MB."""


def list_objects(context, metadata):
    yield {"name": "x" * 50_000_000, "fingerprint": "1"}


def read_bytes(context, metadata):
    return b""
