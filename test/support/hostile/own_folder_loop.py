"""Lists a prefix that yields itself."""


def list_objects(context, metadata):
    yield {"name": "loop", "is_prefix": True}


def read_bytes(context, metadata):
    return b""
