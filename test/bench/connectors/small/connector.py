"""Very many small fragments: five rows each; the first `changed` have another fingerprint."""

import json


def context(credentials):
    return json.loads(credentials)


def list_objects(source, metadata):
    for number in range(source["fragments"]):
        yield {"name": f"fragment-{number:07d}", "fingerprint": "2" if number < source["changed"] else "1"}


def read_bytes(source, metadata):
    number = int(metadata["name"][9:])
    rows = "".join(f"{number * 5 + row},row {row} of {number},{number % 1000}.{row}5,true\n" for row in range(5))
    yield "id,name,amount,active\n" + rows
