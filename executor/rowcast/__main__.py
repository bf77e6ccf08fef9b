"""`python -m rowcast`: the command line of the executor."""

from __future__ import annotations

import argparse
import os
import re
import stat
import sys
from pathlib import Path

EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
_EPILOG = """\
example:
  python -m rowcast --listen 127.0.0.1:7400 --home .rowcast/executor --token-file token

The first line on stdout is {"type":"listening","port":7400}; logs are JSON lines on stderr.
SIGTERM and SIGINT end it, its readers first. Exit codes: 0 ended, 2 wrong usage, 3 the port is in use.

environment, to be set before it starts:
  GRPC_ENABLE_FORK_SUPPORT=0         gRPC and fork do not mix; readers are started without it
  MALLOC_MMAP_THRESHOLD_=33554432    both or none: 1 MiB messages are then reused, not
  MALLOC_TRIM_THRESHOLD_=134217728   returned to the kernel one by one
  UV_DEFAULT_INDEX, UV_INDEX, ...    package indexes, their credentials, proxies: as for uv
"""


def main(arguments: list[str] | None = None) -> int:
    """Parses, runs, gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m rowcast",
        description="The executor of Rowcast: runs connectors, each in its own environment and process.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--listen", required=True, metavar="HOST:PORT", help="address to serve gRPC on; port 0: any free one"
    )
    parser.add_argument("--home", required=True, type=Path, metavar="DIR", help="bundles, environments and caches")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--token-file", type=Path, metavar="FILE", help="its first line is what callers must show")
    who.add_argument(
        "--embedded", action="store_true", help="the token is the first line of stdin; ends at end-of-file there"
    )
    parser.add_argument(
        "--profile",
        choices=("pod", "workstation"),
        help="what readers see of files: pod: their own and the system's libraries; workstation (with --embedded): all "
        "that the user does, except --home and --hide",
    )
    parser.add_argument(
        "--hide", action="append", default=[], type=Path, metavar="PATH", help="a folder or file that readers never see"
    )
    parser.add_argument(
        "--environments-size",
        type=_size,
        default=10 << 30,
        metavar="SIZE",
        help="all pip environments together, as in 10GiB (default); the least recently used are given up",
    )
    parser.add_argument("--package-index", default="", metavar="URL", help="package index in place of the public one")
    parser.add_argument(
        "--index-credentials-file", type=Path, metavar="FILE", help="its first line: user:password, or a token"
    )
    parser.add_argument("--no-build", action="store_true", help="only wheels: no package is built from source")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="this server's certificate, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key")
    parser.add_argument("--tls-client-ca", type=Path, metavar="FILE", help="who signs the callers' certificates")
    parser.add_argument(
        "--health-listen", default="", metavar="HOST:PORT", help="health alone, in plain text and without a token"
    )
    parser.add_argument(
        "--drain-seconds", type=float, metavar="S", help="after SIGTERM, for reads under way; 90, 0 with --embedded"
    )
    parser.add_argument("--max-sessions", type=int, default=1000, metavar="N")
    parser.add_argument("--max-readers", type=int, default=0, metavar="N", help="over all sessions; 0: no limit")
    options = parser.parse_args(arguments)
    files = (options.tls_cert, options.tls_key, options.tls_client_ca)
    if any(files) and not all(files):
        parser.error("--tls-cert, --tls-key and --tls-client-ca go together")
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        parser.error(f"--listen wants HOST:PORT, not {options.listen!r}")
    token = None
    if options.token_file is not None:
        try:
            token = options.token_file.read_text().partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            parser.error(f"--token-file: {error}")
    elif options.embedded:
        if not _is_pipe(0):
            parser.error("--embedded wants a pipe on stdin: the token, a newline, then open until the end")
        token = _first_line(0)
    if token == "":
        parser.error("the token is empty")

    # gRPC's own lines on stderr are not JSON; what matters of them, the server says itself.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # After the environment is set: gRPC reads it when it is imported.
    from rowcast._server import CannotListen, Settings, run
    from rowcast._tls import Tls

    drain = options.drain_seconds
    if drain is None:
        drain = 0.0 if options.embedded else 90.0

    try:
        run(
            Settings(
                listen=options.listen,
                home=options.home,
                token=token,
                profile=options.profile or ("workstation" if options.embedded else "pod"),
                hidden=(options.home, *options.hide, *filter(None, [options.index_credentials_file])),
                environments_bytes=options.environments_size,
                index_url=options.package_index,
                index_credentials=options.index_credentials_file,
                builds=not options.no_build,
                tls=Tls(certificate=files[0], key=files[1], client_ca=files[2]) if all(files) else None,
                health_listen=options.health_listen,
                drain_seconds=drain,
                max_sessions=options.max_sessions,
                max_readers=options.max_readers,
            ),
            parent_fd=0 if options.embedded else None,
        )
    except CannotListen as error:
        sys.stderr.write(f"rowcast: {error}\n")
        return EXIT_UNREACHABLE
    return 0


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*([KMGT]i?B|B)?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 10GiB")
    unit = found[2] or "B"
    base = 1024 if "i" in unit else 1000
    return int(found[1]) * base ** ("BKMGT".index(unit[0]))


def _is_pipe(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _first_line(fd: int) -> str:
    """Byte by byte: what comes after the line is not ours to take yet."""
    line = b""
    while (byte := os.read(fd, 1)) not in (b"", b"\n") and len(line) < 4096:
        line += byte
    return line.decode("utf-8", "replace").strip()


if __name__ == "__main__":
    sys.exit(main())
