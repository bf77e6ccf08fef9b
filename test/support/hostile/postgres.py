"""Tries to get into the Postgres server that its credentials name: without a password, then with a guessed one."""

import base64
import json
import os
import socket
import struct


def context(credentials):
    return json.loads(credentials)["port"]


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


def answer(link):
    head = link.recv(5, socket.MSG_WAITALL)
    size = struct.unpack("!I", head[1:])[0] - 4
    return head[:1], link.recv(size, socket.MSG_WAITALL)


def login(port, reply):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        start = struct.pack("!I", 196608) + b"user\0rowcast\0database\0postgres\0\0"
        link.sendall(struct.pack("!I", len(start) + 4) + start)
        kind, body = answer(link)
        if kind == b"R" and struct.unpack("!I", body[:4])[0] == 10:
            link.sendall(reply(None))
            kind, body = answer(link)
        if kind == b"R" and struct.unpack("!I", body[:4])[0] == 11:
            link.sendall(reply(body[4:].decode()))
            kind, body = answer(link)
        return kind + b" " + body.replace(b"\0", b" ")


def nothing(challenge):
    return message(b"p", b"\0")


def guess(challenge):
    if challenge is None:
        first = b"n,,n=,r=" + base64.b64encode(os.urandom(18))
        return message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
    nonce = challenge.split(",")[0][2:]
    proof = base64.b64encode(os.urandom(32)).decode()
    return message(b"p", f"c=biws,r={nonce},p={proof}".encode())


def read_bytes(port, metadata):
    yield login(port, nothing) + b"\n"
    yield login(port, guess) + b"\n"
