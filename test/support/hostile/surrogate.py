"""Yields text that is no Unicode."""


def read_bytes(context, metadata):
    yield "ok \udc80"
