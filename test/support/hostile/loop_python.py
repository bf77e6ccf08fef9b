"""Never yields, in Python."""


def read_bytes(context, metadata):
    while True:
        pass
