"""Never yields, in C, holding the GIL."""

import re


def read_bytes(context, metadata):
    re.match("(a+)+$", "a" * 80 + "b")
