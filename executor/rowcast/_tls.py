"""Certificates of the server: both sides show one, and changed files count from the next connection on."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc

from rowcast._errors import Usage

log = logging.getLogger("rowcast")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files. `client_ca`: who signs the callers' certificates."""

    certificate: Path
    key: Path
    client_ca: Path

    def credentials(self) -> grpc.ServerCredentials:
        """For `add_secure_port`; Usage names the file that cannot be read, or is no PEM of its kind."""
        try:
            seen, configuration = self._stamp(), self._read()
        except (OSError, ssl.SSLError) as error:
            raise Usage(f"TLS: {error}") from None

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            nonlocal seen
            try:
                now = self._stamp()
                if now == seen:
                    return None
                configuration = self._read()
            except (OSError, ssl.SSLError) as error:
                # Half replaced: the old ones still hold.
                log.warning("the certificates cannot be read, the ones before still count: %s", error)
                return None
            seen = now
            log.info("the certificates were read again")
            return configuration

        # None says unchanged, which its stub does not know.
        fetcher = cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch)
        return grpc.dynamic_ssl_server_credentials(configuration, fetcher, require_client_authentication=True)

    def _read(self) -> grpc.ServerCertificateConfiguration:
        self._check()
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=self.client_ca.read_bytes())

    def _check(self) -> None:
        """gRPC takes anything, and then refuses every connection without saying why."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except ssl.SSLError as error:
            why = "do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "are not two PEM files"
            raise ssl.SSLError(f"{self.certificate} and its key {self.key} {why} ({error.reason})") from None
        try:
            context.load_verify_locations(self.client_ca)
        except ssl.SSLError as error:
            raise ssl.SSLError(f"{self.client_ca} holds no PEM certificate ({error.reason})") from None

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        stats = [path.stat() for path in (self.certificate, self.key, self.client_ca)]
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)
