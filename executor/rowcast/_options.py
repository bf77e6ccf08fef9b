"""The options of `python -m rowcast`, and what is wrong with them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from rowcast import _address

EPILOG = """\
example:
  python -m rowcast --listen 127.0.0.1:7400 --home .rowcast/executor --token-file token

The first line on stdout is {"type":"listening","port":7400}; logs are JSON lines on stderr.
SIGTERM drains: no new sessions, reads under way go on for --drain-seconds. SIGINT, or a second SIGTERM, ends readers
first, then the server. Exit codes: 0 ended, 2 wrong usage, 3 the port is in use.

environment, to be set before it starts:
  GRPC_ENABLE_FORK_SUPPORT=0         gRPC and fork do not mix; readers are started without it
  MALLOC_MMAP_THRESHOLD_=33554432    both or none: 1 MiB messages are then reused, not
  MALLOC_TRIM_THRESHOLD_=134217728   returned to the kernel one by one
  UV_DEFAULT_INDEX, UV_INDEX, ...    package indexes, their credentials, proxies: as for uv
  ROWCAST_READABLE                   paths (":" between) that readers of the profile pod may read too
"""
_SIZE = re.compile(r"(\d+)\s*([KMGT]i?B|B)?")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options; ends the process with exit code 2 and a sentence when they make no sense."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for name in ("listen", "health_listen"):
        address = getattr(options, name)
        wrong = _address.check(address) if address else None
        if wrong:
            parser.error(f"--{name.replace('_', '-')} wants {wrong}")
    files = (options.tls_cert, options.tls_key, options.tls_client_ca)
    if any(files) and not all(files):
        parser.error("--tls-cert, --tls-key and --tls-client-ca go together")
    if not any(files) and not options.insecure and not _address.is_local(options.listen):
        parser.error(
            f"--listen {options.listen} can be reached from other hosts, and without TLS all of it, credentials of "
            "connectors included, could be read and forged on the way: give --tls-cert, --tls-key and --tls-client-ca "
            "(deploy/local/certs.sh makes them), listen on 127.0.0.1, or say --insecure where the network is safe"
        )
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rowcast",
        description="The executor of Rowcast: runs connectors, each in its own environment and process.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--listen",
        required=True,
        metavar="HOST:PORT",
        help="address to serve gRPC on, or unix:/PATH; port 0: any free one",
    )
    add("--home", required=True, type=Path, metavar="DIR", help="bundles, environments and caches")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--token-file", type=Path, metavar="FILE", help="its first line is what callers must show")
    who.add_argument(
        "--embedded", action="store_true", help="the token is the first line of stdin; ends at end-of-file there"
    )

    add("--tls-cert", type=Path, metavar="FILE", help="this server's certificate, PEM")
    add("--tls-key", type=Path, metavar="FILE", help="its key")
    add("--tls-client-ca", type=Path, metavar="FILE", help="who signs the callers' certificates")
    add("--insecure", action="store_true", help="plain text although other hosts can reach --listen")
    add(
        "--health-listen",
        default="",
        metavar="HOST:PORT",
        help="health alone, in plain text and without a token",
    )
    add("--reflection", action="store_true", help="for development: tell grpcurl and its like what can be called")

    add(
        "--profile",
        choices=("pod", "workstation"),
        help="what readers see of files: pod: their own and the system's libraries; workstation (with --embedded): all "
        "that the user does, except --home and --hide",
    )
    add("--hide", action="append", default=[], type=Path, metavar="PATH", help="a folder or file readers never see")
    add(
        "--ports",
        type=_ports,
        metavar="N,N",
        help="the only TCP ports that readers and builds may connect to, as in 443,5432; default: any",
    )
    add("--max-sessions", type=int, default=1000, metavar="N")
    add(
        "--max-readers",
        type=int,
        default=0,
        metavar="N",
        help="over all sessions; 0: no limit. In a container: (its memory - 256 MiB) / limits.memory of the connectors",
    )
    add("--drain-seconds", type=float, metavar="S", help="after SIGTERM, for reads under way; 90, 0 with --embedded")

    add(
        "--environments-size",
        type=_size,
        default=10 << 30,
        metavar="SIZE",
        help="all pip environments together, as in 10GiB (default); the least recently used are given up",
    )
    add("--package-index", default="", metavar="URL", help="package index in place of the public one")
    add("--index-credentials-file", type=Path, metavar="FILE", help="its first line: user:password, or a token")
    add("--no-build", action="store_true", help="only wheels: no package is built from source")
    return parser


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 10GiB")
    unit = found[2] or "B"
    base = 1024 if "i" in unit else 1000
    return int(found[1]) * base ** ("BKMGT".index(unit[0]))


def _ports(text: str) -> tuple[int, ...]:
    ports = tuple(int(part) if part.strip().isdigit() else 0 for part in text.split(","))
    if not all(0 < port <= 65535 for port in ports):
        raise argparse.ArgumentTypeError(f"{text!r} are no ports; write 443,5432")
    return ports
