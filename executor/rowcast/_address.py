"""Addresses to serve on: `HOST:PORT` or `unix:/PATH`. Knows no gRPC."""

from __future__ import annotations

import ipaddress

UNIX = "unix:"


def check(address: str) -> str | None:
    """What is wrong with an address; None for nothing."""
    if address.startswith(UNIX):
        return None if address[len(UNIX) :].startswith("/") else f"unix:/PATH, not {address!r}"
    host, _, port = address.rpartition(":")
    return None if host and port.isdigit() and int(port) <= 65535 else f"HOST:PORT or unix:/PATH, not {address!r}"


def is_local(address: str) -> bool:
    """Only this host can reach it: a Unix socket or the loopback. Elsewhere plain text could be read and forged."""
    if address.startswith(UNIX):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name may lead anywhere.
        return False
