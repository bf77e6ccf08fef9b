"""Landlock: which files this process and its descendants may touch, which TCP ports they may connect to, and that they
signal or trace nobody else.

A rule allows a folder and everything below. What is to be left out is left out by allowing all that stands beside it;
the folders on the way to it can then take no new entries.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Sequence

from .kernel import Libc

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
NEWEST = 7
# From this version on ports can be restricted.
PORTS = 4
_CONNECT_TCP = 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
# Rights that a file can have; the others are about the entries of a folder.
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
# How many rights of files each version knows.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2

READ = _EXECUTE | _READ_FILE
LIST = _READ_DIR
WRITE = 0xFFFF & ~(READ | LIST)


class Landlock:
    """The rules of one process, until `restrict`."""

    def __init__(self, libc: Libc, *, ports: Sequence[int] | None = None) -> None:
        self._libc = libc
        self.version = min(libc.syscall(_CREATE_RULESET, None, 0, _VERSION), NEWEST)
        self._all = (1 << _RIGHTS.get(self.version, 16)) - 1
        # Size by version: an older kernel refuses fields it does not know.
        scopes = _ABSTRACT_SOCKETS | _SIGNALS
        size = 24 if self.version >= 6 else 16 if self.version >= PORTS else 8
        network = 0 if ports is None else _CONNECT_TCP
        attributes = struct.pack("<QQQ", self._all, network, scopes)[:size]
        self._rules = libc.syscall(_CREATE_RULESET, ctypes.create_string_buffer(attributes), len(attributes), 0)
        for port in ports or () if self.version >= PORTS else ():
            rule = ctypes.create_string_buffer(struct.pack("<QQ", _CONNECT_TCP, port))
            libc.syscall(_ADD_RULE, self._rules, _NET_PORT, rule, 0)

    def allow(self, path: str, rights: int) -> None:
        """Adds a rule; what is not there needs none."""
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        try:
            rights &= self._all
            if not stat.S_ISDIR(os.fstat(fd).st_mode):
                rights &= _OF_FILES
            if rights:
                rule = ctypes.create_string_buffer(struct.pack("<Qi", rights, fd))
                self._libc.syscall(_ADD_RULE, self._rules, _PATH_BENEATH, rule, 0)
        finally:
            os.close(fd)

    def allow_beside(self, root: str, rights: int, left_out: Sequence[str]) -> None:
        """Allows all of `root` but what is left out, folders by their real paths."""
        if root in left_out:
            return
        inside = root.rstrip("/") + "/"
        if not any(path.startswith(inside) for path in left_out):
            self.allow(root, rights)
            return
        try:
            names = os.listdir(root)
        except OSError:
            return
        for name in names:
            child = inside + name
            # A link is followed to what it names, which may be left out.
            if not os.path.islink(child):
                self.allow_beside(child, rights, left_out)

    def allow_all(self, paths: Iterable[str], rights: int) -> None:
        """Several rules."""
        for path in paths:
            self.allow(path, rights)

    def restrict(self) -> None:
        """From here on; `no_new_privs` is set."""
        self._libc.syscall(_RESTRICT_SELF, self._rules, 0)
        os.close(self._rules)
