"""Raises with its credentials in the message, the cause and the class name."""

import base64
import sys


def context(credentials):
    print("got", credentials)
    sys.stderr.write(base64.b64encode(credentials.encode()).decode() + "\n")
    return credentials


def read_bytes(secret, metadata):
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise type("Error " + secret, (Exception,), {})("1" * 50 + secret) from error
