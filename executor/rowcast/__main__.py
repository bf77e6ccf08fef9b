"""`python -m rowcast`: the command line of the executor."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from rowcast._errors import Usage
from rowcast._options import parse

EXIT_USAGE = 2
EXIT_UNREACHABLE = 3


def main(arguments: list[str] | None = None) -> int:
    """Parses, runs, gives the exit code."""
    options = parse(arguments)
    # gRPC's own lines on stderr are not JSON; what matters of them, the server says itself.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # After the environment is set: gRPC reads it when it is imported.
    from rowcast._server import CannotListen, Settings, run
    from rowcast._tls import Tls

    drain = options.drain_seconds
    if drain is None:
        drain = 0.0 if options.embedded else 90.0
    tls = None
    if options.tls_cert is not None:
        tls = Tls(certificate=options.tls_cert, key=options.tls_key, client_ca=options.tls_client_ca)
    try:
        run(
            Settings(
                listen=options.listen,
                home=options.home,
                token=_token(options.token_file, embedded=options.embedded),
                profile=options.profile or ("workstation" if options.embedded else "pod"),
                hidden=(options.home, *options.hide, *filter(None, [options.index_credentials_file])),
                ports=options.ports,
                environments_bytes=options.environments_size,
                index_url=options.package_index,
                index_credentials=options.index_credentials_file,
                builds=not options.no_build,
                tls=tls,
                health_listen=options.health_listen,
                reflection=options.reflection,
                drain_seconds=drain,
                max_sessions=options.max_sessions,
                max_readers=options.max_readers,
            ),
            parent_fd=0 if options.embedded else None,
        )
    except Usage as error:
        return _fail(f"error: {error}", EXIT_USAGE)
    except CannotListen as error:
        return _fail(str(error), EXIT_UNREACHABLE)
    return 0


def _token(file: Path | None, *, embedded: bool) -> str | None:
    """What callers must show; None: anybody may call."""
    token = None
    if file is not None:
        try:
            token = file.read_text().partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Usage(f"--token-file: {error}") from None
    elif embedded:
        if not _is_pipe(0):
            raise Usage("--embedded wants a pipe on stdin: the token, a newline, then open until the end")
        token = _first_line(0)
    if token == "":
        raise Usage("the token is empty")
    return token


def _is_pipe(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _first_line(fd: int) -> str:
    """Byte by byte: what comes after the line is not ours to take yet."""
    line = b""
    while (byte := os.read(fd, 1)) not in (b"", b"\n") and len(line) < 4096:
        line += byte
    return line.decode("utf-8", "replace").strip()


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"rowcast: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
