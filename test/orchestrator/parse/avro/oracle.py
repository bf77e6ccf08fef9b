"""fastavro as writer and as oracle.

write DIR SEED COUNT   makes files of random schemas and records
compare DIR            reads each N.avro again, and compares each N.*.ndjson with it, value by value
"""

import base64
import datetime
import decimal
import json
import pathlib
import random
import struct
import sys
import uuid

import fastavro

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
FIRST = datetime.datetime(1, 1, 2)
SECONDS = 315_537_800_000
LOGICAL = [
    {"type": "int", "logicalType": "date"},
    {"type": "int", "logicalType": "time-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "local-timestamp-millis"},
    {"type": "long", "logicalType": "local-timestamp-micros"},
    {"type": "string", "logicalType": "uuid"},
]


class Maker:
    """Random schemas, and values that fit them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = 0

    def name(self):
        self.names += 1
        return f"{self.random.choice(['', 'a.', 'a.b.'])}T{self.names}"

    def record(self, depth, fields=None):
        count = self.random.randrange(1, 8) if fields is None else fields
        name = self.name()
        made = [{"name": f"f{at}", "type": self.type(depth + 1)} for at in range(count)]
        if depth > 0 and self.random.random() < 0.2:
            made.append({"name": "self", "type": ["null", name]})
        return {"type": "record", "name": name, "fields": made}

    def type(self, depth):
        kinds = ["null", "boolean", "int", "long", "float", "double", "string", "bytes", "fixed", "enum", "decimal", "logical"]
        if depth < 4:
            kinds += ["array", "map", "record", "union", "maybe", "maybe"]
        kind = self.random.choice(kinds)
        if kind == "fixed":
            return {"type": "fixed", "name": self.name(), "size": self.random.randrange(1, 20)}
        if kind == "enum":
            return {"type": "enum", "name": self.name(), "symbols": [f"S{at}" for at in range(self.random.randrange(1, 6))]}
        if kind == "decimal":
            precision = self.random.randrange(1, 39)
            more = {"logicalType": "decimal", "precision": precision, "scale": self.random.randrange(precision + 1)}
            if self.random.random() < 0.5:
                return {"type": "bytes", **more}
            return {"type": "fixed", "name": self.name(), "size": 16, **more}
        if kind == "logical":
            return self.random.choice(LOGICAL)
        if kind == "array":
            items = self.type(depth + 1)
            return {"type": "array", "items": "int" if items == "null" else items}
        if kind == "map":
            return {"type": "map", "values": self.type(depth + 1)}
        if kind == "record":
            return self.record(depth)
        if kind == "maybe":
            inner = self.type(4)
            return inner if inner == "null" else self.random.choice([["null", inner], [inner, "null"]])
        if kind == "union":
            return self.random.sample(["null", "boolean", "long", "double", "string", "bytes", {"type": "array", "items": "int"}], 4)
        return kind

    def value(self, schema, named, depth=0):
        if isinstance(schema, str) and schema in named:
            schema = named[schema]
        chance = self.random
        if isinstance(schema, list):
            return self.value(chance.choice(schema) if depth < 6 else schema[0], named, depth)
        kind = schema if isinstance(schema, str) else schema["type"]
        logical = schema.get("logicalType") if isinstance(schema, dict) else None
        moment = FIRST + datetime.timedelta(seconds=chance.randrange(SECONDS), microseconds=chance.randrange(10**6))
        if logical == "decimal":
            digits = 10 ** chance.randrange(schema["precision"] + 1)
            return decimal.Context(prec=60).scaleb(decimal.Decimal(chance.randrange(-digits + 1, digits)), -schema["scale"])
        if logical == "date":
            return moment.date()
        if logical in ("time-millis", "time-micros"):
            return moment.time().replace(microsecond=moment.microsecond // 1000 * 1000) if logical == "time-millis" else moment.time()
        if logical:
            if logical == "uuid":
                return uuid.UUID(int=chance.getrandbits(128))
            if logical.endswith("millis"):
                moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
            return moment if logical.startswith("local") else moment.replace(tzinfo=datetime.timezone.utc)
        if kind == "null":
            return None
        if kind == "boolean":
            return chance.random() < 0.5
        if kind in ("int", "long"):
            bits = chance.randrange(1, 32 if kind == "int" else 64)
            return chance.choice([1, -1]) * chance.getrandbits(bits) if bits > 1 else -(2 ** (31 if kind == "int" else 63))
        if kind == "float":
            return struct.unpack("f", struct.pack("f", chance.choice([chance.gauss(0, 1), chance.gauss(0, 1) * 10 ** chance.randrange(-38, 38), 0.0])))[0]
        if kind == "double":
            return chance.choice([chance.gauss(0, 1), round(chance.gauss(0, 1e6), chance.randrange(10)), chance.gauss(0, 1) * 10.0 ** chance.randrange(-308, 308), -0.0])
        if kind == "string":
            return "".join(chance.choice(["a", "Z", " ", '"', "\\", "\n", "\x01", "\x7f", "ä", "€", "\U0001f600"]) for _ in range(chance.randrange(12)))
        if kind == "bytes":
            return chance.randbytes(chance.randrange(12))
        if kind == "fixed":
            return chance.randbytes(schema["size"])
        if kind == "enum":
            return chance.choice(schema["symbols"])
        if kind == "array":
            return [self.value(schema["items"], named, depth + 1) for _ in range(chance.randrange(4))]
        if kind == "map":
            return {f"k{at}": self.value(schema["values"], named, depth + 1) for at in range(chance.randrange(4))}
        return {field["name"]: self.value(field["type"], named, depth + 1) for field in schema["fields"]}


def named_types(schema, into):
    """All named types of a schema, by name."""
    if isinstance(schema, list):
        for branch in schema:
            named_types(branch, into)
    elif isinstance(schema, dict):
        if "name" in schema:
            into[schema["name"]] = schema
        for inner in [schema.get("items"), schema.get("values"), *(field["type"] for field in schema.get("fields", []))]:
            named_types(inner, into)
    return into


def write(folder, seed, count):
    for number in range(count):
        maker = Maker(f"{seed}/{number}")
        schema = maker.record(0, maker.random.randrange(1, 12))
        schema["fields"].append({"name": "last", "type": "int"})
        named = named_types(schema, {})
        records = [maker.value(schema, named) for _ in range(maker.random.randrange(30))]
        with open(folder / f"{number}.avro", "wb") as file:
            codec = maker.random.choice(["null", "deflate", "bzip2"])
            fastavro.writer(file, schema, records, codec=codec, sync_interval=maker.random.choice([1, 200, 16000]))


def nanoseconds(text):
    """Of an RFC 3339 moment, since 1970."""
    head, fraction = text.removesuffix("Z").split(".")
    seconds = (datetime.datetime.fromisoformat(head).replace(tzinfo=datetime.timezone.utc) - EPOCH) // datetime.timedelta(seconds=1)
    return seconds * 10**9 + int(fraction.ljust(9, "0")), len(fraction)


def same(schema, named, ours, theirs):
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    if isinstance(schema, list):
        return any(same(branch, named, ours, theirs) for branch in schema)
    kind = schema if isinstance(schema, str) else schema["type"]
    logical = schema.get("logicalType") if isinstance(schema, dict) else None
    if ours is None or theirs is None:
        return kind == "null" and ours is theirs
    if logical == "decimal":
        exact = isinstance(ours, str) and decimal.Decimal(ours) == theirs
        return exact and -decimal.Decimal(ours).as_tuple().exponent == schema["scale"]
    if logical == "date":
        return ours == theirs.isoformat()
    if logical in ("time-millis", "time-micros"):
        return ours == theirs.isoformat("milliseconds" if logical == "time-millis" else "microseconds")
    if logical == "uuid":
        return ours == str(theirs)
    if logical:
        aware = theirs if theirs.tzinfo else theirs.replace(tzinfo=datetime.timezone.utc)
        return nanoseconds(ours) == ((aware - EPOCH) // datetime.timedelta(microseconds=1) * 1000, 3 if logical.endswith("millis") else 6)
    if kind == "null":
        return False
    if kind == "boolean":
        return ours is theirs
    if kind in ("int", "long"):
        return type(ours) is int and type(theirs) is int and ours == theirs
    if kind == "float":
        return struct.pack("f", ours) == struct.pack("f", theirs)
    if kind == "double":
        return type(theirs) is float and type(ours) in (int, float) and struct.pack("d", ours) == struct.pack("d", theirs)
    if kind in ("string", "enum"):
        return isinstance(theirs, str) and ours == theirs
    if kind in ("bytes", "fixed"):
        return isinstance(theirs, bytes) and isinstance(ours, str) and ours == base64.b64encode(theirs).decode()
    if kind == "array":
        return isinstance(theirs, list) and isinstance(ours, list) and len(ours) == len(theirs) and all(same(schema["items"], named, a, b) for a, b in zip(ours, theirs))
    if kind == "map":
        return list(ours) == list(theirs) and all(same(schema["values"], named, ours[key], theirs[key]) for key in theirs)
    types = {field["name"]: field["type"] for field in schema["fields"]}
    return list(ours) == list(theirs) and all(same(types[key], named, ours[key], theirs[key]) for key in theirs)


def number(text):
    """JSON knows no whole numbers: -0 is a double."""
    return -0.0 if text == "-0" else int(text)


def compare(folder):
    values = 0
    for path in sorted(folder.glob("*.avro")):
        with open(path, "rb") as file:
            reader = fastavro.reader(file)
            schema = reader.writer_schema
            named = named_types(schema, {})
            records = list(reader)
        types = {field["name"]: field["type"] for field in schema["fields"]}
        for rows in folder.glob(f"{path.stem}.*.ndjson"):
            lines = rows.read_text().splitlines()
            assert len(lines) == len(records), f"{rows}: {len(lines)} rows of {len(records)}"
            for line, record in zip(lines, records):
                for name, ours in json.loads(line, parse_int=number).items():
                    assert same(types[name], named, ours, record[name]), f"{rows}: {name}, {types[name]}: {ours!r} is not {record[name]!r}"
                    values += 1
    print(values)


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "write":
        write(pathlib.Path(folder), rest[0], int(rest[1]))
    else:
        compare(pathlib.Path(folder))
