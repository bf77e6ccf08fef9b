"""The reader process: runs one connector's code and writes what it yields to a socket.

It runs in the connector's own environment, so it imports the standard library only, works under any Python from 3.9 on,
and lives under the package name `_rowcast_child` so that no module of the author can stand in its way. The supervisor
imports `wire` and `redact` from here: one definition of the frames for both ends.

```
main      START ▸ load ▸ context ▸ READY, then one LIST or READ at a time
author    the author's module: load, call       listing   list_objects: recursion (waiting), item rules (items)
faults    exceptions to errors on the wire      reading   read_bytes: what it returns, its chunks
          rows: their values        parsing  the author's parser, read_rows
outbox    gathers chunks and items to messages  prints    which fragment a printed line belongs to
link      frames over the socket, hang-up       wire      frame types, protobuf by hand      redact   secrets
```
"""
