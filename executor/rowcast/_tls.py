"""Certificates of the server: both sides show one, and changed files count from the next connection on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc

log = logging.getLogger("rowcast")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files. `client_ca`: who signs the callers' certificates."""

    certificate: Path
    key: Path
    client_ca: Path

    def credentials(self) -> grpc.ServerCredentials:
        """For `add_secure_port`; OSError when a file cannot be read."""
        seen = self._stamp()

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            nonlocal seen
            try:
                now = self._stamp()
                if now == seen:
                    return None
                configuration = self._read()
            except OSError as error:
                # Half replaced: the old ones still hold.
                log.warning("the certificates cannot be read: %s", error)
                return None
            seen = now
            log.info("the certificates were read again")
            return configuration

        # None says unchanged, which its stub does not know.
        fetcher = cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch)
        return grpc.dynamic_ssl_server_credentials(self._read(), fetcher, require_client_authentication=True)

    def _read(self) -> grpc.ServerCertificateConfiguration:
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=self.client_ca.read_bytes())

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        stats = [path.stat() for path in (self.certificate, self.key, self.client_ca)]
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)
