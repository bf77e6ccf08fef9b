"""The system calls a reader is refused.

Landlock leaves open what one user's processes may do to each other: a reader could limit, renice, pin or idle the
supervisor (measured). So those calls reach itself only, and what makes sandboxes or looks into processes, nobody.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from .kernel import CLONE_NEW_ANY, PR_SET_SECCOMP, Libc

_FILTER = 2
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
# Classic BPF: load a word, jump if equal, if not less, if any bit is set, return.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE = 0, 4
_X32 = 0x40000000
_PRIO_PROCESS = 0

# Name: number on x86_64, on aarch64.
_REFUSED = {
    # into other processes
    **{"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271)},
    **{"pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272)},
    # mounts and namespaces
    **{"mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "pivot_root": (155, 41)},
    **{"chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430)},
    **{"fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442)},
    # the kernel's wide surfaces
    **{"bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "fanotify_init": (300, 262)},
    **{"open_by_handle_at": (304, 265), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218)},
    # the machine
    **{"kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273)},
    **{"delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225)},
    **{"acct": (163, 89), "quotactl": (179, 60), "settimeofday": (164, 170), "clock_settime": (227, 112)},
    **{"adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162)},
    **{"syslog": (103, 116), "vhangup": (153, 58)},
    # what stays behind when the reader is gone
    **{"shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180)},
}
# As if the kernel were older: C libraries then take the older call.
_UNKNOWN = {
    **{"clone3": (435, 435), "io_uring_setup": (425, 425)},
    **{"io_uring_enter": (426, 426), "io_uring_register": (427, 427)},
    # Memory that belongs to no process: nobody could count it.
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447)},
}
# For pid 0 and its own only.
_OWN = {
    **{"prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119)},
    **{"sched_setparam": (142, 118), "sched_setattr": (314, 274), "migrate_pages": (256, 238)},
    **{"move_pages": (279, 239)},
}
# which, who.
_OWN_PRIORITY = {"setpriority": (141, 140), "ioprio_set": (251, 30)}
_CLONE = (56, 220)
_KILL_CALL = (62, 129)
# What connects to a port past Landlock: another protocol (MPTCP), or data in the first packet (MSG_FASTOPEN). Name:
# numbers, then which argument.
_SOCKET, _MPTCP = (41, 198), 262
_SENDS, _FAST_OPEN = {"sendto": ((44, 206), 3), "sendmsg": ((46, 211), 2), "sendmmsg": ((307, 269), 3)}, 0x20000000
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def apply(libc: Libc, *, ports: bool = False) -> None:
    """Sets the filter for this process and its descendants; `no_new_privs` is set. OSError when it cannot.

    `ports`: Landlock restricts TCP ports, so the ways past it are shut too."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no filter for {machine}", "seccomp")
    code = _program(*_ARCHITECTURES[machine], pid=os.getpid(), ports=ports)
    size = len(code) // 8
    memory = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", size, ctypes.addressof(memory))
    libc.prctl(PR_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(program))


def _program(column: int, architecture: int, *, pid: int, ports: bool) -> bytes:
    out: list[bytes] = []

    def add(code: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        out.append(struct.pack("<HBBI", code, if_true, if_false, value & 0xFFFFFFFF))

    def refuse(number: int = errno.EPERM) -> None:
        add(_RETURN, _ERRNO | number)

    def argument(n: int) -> None:
        # Its lower half: the kernel takes pids and flags as 32 bits.
        add(_LOAD, 16 + 8 * n)

    add(_LOAD, _AT_ARCHITECTURE)
    # Another architecture's numbers mean other calls.
    add(_EQUAL, architecture, 1, 0)
    add(_RETURN, _KILL)
    add(_LOAD, _AT_NUMBER)
    add(_AT_LEAST, _X32, 0, 1)
    refuse(errno.ENOSYS)
    for numbers in _REFUSED.values():
        add(_EQUAL, numbers[column], 0, 1)
        refuse()
    for numbers in _UNKNOWN.values():
        add(_EQUAL, numbers[column], 0, 1)
        refuse(errno.ENOSYS)
    for numbers in _OWN.values():
        add(_EQUAL, numbers[column], 0, 5)
        argument(0)
        add(_EQUAL, 0, 2, 0)
        add(_EQUAL, pid, 1, 0)
        refuse()
        add(_RETURN, _ALLOW)
    for name, numbers in _OWN_PRIORITY.items():
        add(_EQUAL, numbers[column], 0, 7)
        argument(0)
        add(_EQUAL, _PRIO_PROCESS if name == "setpriority" else 1, 0, 3)
        argument(1)
        add(_EQUAL, 0, 2, 0)
        add(_EQUAL, pid, 1, 0)
        refuse()
        add(_RETURN, _ALLOW)
    if ports:
        add(_EQUAL, _SOCKET[column], 0, 4)
        argument(2)
        add(_EQUAL, _MPTCP, 0, 1)
        refuse(errno.EPROTONOSUPPORT)
        add(_RETURN, _ALLOW)
        for numbers, flags in _SENDS.values():
            add(_EQUAL, numbers[column], 0, 4)
            argument(flags)
            add(_ANY_BIT, _FAST_OPEN, 0, 1)
            refuse(errno.EOPNOTSUPP)
            add(_RETURN, _ALLOW)
    add(_EQUAL, _CLONE[column], 0, 4)
    argument(0)
    add(_ANY_BIT, CLONE_NEW_ANY, 0, 1)
    refuse()
    add(_RETURN, _ALLOW)
    # All processes of this user: Landlock stops it only from version 6 on.
    add(_EQUAL, _KILL_CALL[column], 0, 3)
    argument(0)
    add(_EQUAL, -1, 0, 1)
    refuse()
    add(_RETURN, _ALLOW)
    return b"".join(out)
