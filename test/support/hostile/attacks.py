"""Tries what author code must not do, and what it needs. The credentials name a file in the executor's home."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)


def context(credentials):
    return credentials


def list_objects(context, metadata):
    return []


def syscall(*arguments):
    if LIBC.syscall(*(ctypes.c_long(one) for one in arguments)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def read(path, size=20):
    with open(path, "rb") as file:
        return file.read(size)


def write(path, text="1"):
    with open(path, "w") as file:
        file.write(text)


def read_bytes(home_file, metadata):
    home = os.path.dirname(home_file)
    own = os.environ["TMPDIR"]
    supervisor = os.getppid()
    pids = {"supervisor": supervisor}
    for name in processes():
        if name.isdigit() and int(name) not in (os.getpid(), supervisor):
            try:
                line = read(f"/proc/{name}/cmdline", 4096).decode()
            except OSError:
                continue
            if "_child" in line and os.stat(f"/proc/{name}").st_uid == os.getuid():
                pids["sibling"] = int(name)
    number = os.uname().machine == "x86_64"
    tries = {
        "attack home secret": lambda: read(home_file),
        "attack home bundles": lambda: [n for n in os.listdir(home + "/bundles") if n not in __file__] or none(),
        "attack home cache": lambda: os.listdir(home + "/cache"),
        "attack home around": lambda: read("../../secret"),
        "attack home write": lambda: write(home + "/mine"),
        "attack bundle": lambda: write(os.path.dirname(__file__) + "/mine"),
        "attack interpreter": lambda: os.open(os.__file__, os.O_WRONLY),
        "attack disk": lambda: read(disk()),
        "attack sysrq": lambda: write("/proc/sysrq-trigger", "h"),
        "attack cgroup": lambda: write("/sys/fs/cgroup/cgroup.procs", str(supervisor)),
        "attack mount": lambda: syscall(165 if number else 40, 0, 0, 0, 0, 0),
        "attack namespace": lambda: syscall(272 if number else 97, 0x10000000),
        "attack io_uring": lambda: syscall(425, 1, 0),
        "attack keyring": lambda: syscall(250 if number else 219, 0, 0, 0),
        "attack shm": lambda: syscall(29 if number else 194, 0, 4096, 0o1600),
        "attack everybody": lambda: os.kill(-1, 0),
        "attack capability": lambda: capability(),
        "attack nice": lambda: os.nice(-1),
        "attack limit": lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 1)),
        "attack sticky parent": lambda: os.setuid(1),
        "need scratch": lambda: write(own + "/mine"),
        "need temporary": lambda: tempfile.NamedTemporaryFile(delete=False).close(),
        "need null": lambda: write("/dev/null"),
        "need random": lambda: read("/dev/urandom"),
        "need shared": lambda: write("/dev/shm/rowcast-hostile") or os.unlink("/dev/shm/rowcast-hostile"),
        "need own status": lambda: read("/proc/self/status"),
        "need program": lambda: subprocess.run(["true"], check=True),
        "need socket": lambda: socket.create_server(("127.0.0.1", 0)).close(),
        "need own priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 15),
        "need own limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512)),
        "need own affinity": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
        "need kill own": lambda: kill_own(),
    }
    for who, pid in pids.items():
        proc = f"/proc/{pid}"
        tries |= {
            f"attack {who} environ": lambda proc=proc: read(proc + "/environ"),
            f"attack {who} mem": lambda proc=proc: read(proc + "/mem"),
            f"attack {who} maps": lambda proc=proc: read(proc + "/maps"),
            f"attack {who} fd": lambda proc=proc: [os.readlink(f"{proc}/fd/{n}") for n in os.listdir(proc + "/fd")],
            f"attack {who} root": lambda proc=proc: os.listdir(os.path.join(proc, "root")),
            f"attack {who} cwd": lambda proc=proc: os.listdir(proc + "/cwd/"),
            f"attack {who} score": lambda proc=proc: write(proc + "/oom_score_adj"),
            f"attack {who} signal 0": lambda pid=pid: os.kill(pid, 0),
            f"attack {who} signal": lambda pid=pid: os.kill(pid, signal.SIGSTOP),
            f"attack {who} group": lambda pid=pid: os.killpg(pid, signal.SIGSTOP),
            f"attack {who} pidfd": lambda pid=pid: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGSTOP),
            f"attack {who} ptrace": lambda pid=pid: syscall(101 if number else 117, 16, pid, 0, 0),
            f"attack {who} vm": lambda pid=pid: syscall(310 if number else 270, pid, 0, 0, 0, 0, 0),
            f"attack {who} getfd": lambda pid=pid: syscall(438, os.pidfd_open(pid), 0, 0),
            f"attack {who} prlimit": lambda pid=pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64)),
            f"attack {who} renice": lambda pid=pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
            f"attack {who} pin": lambda pid=pid: os.sched_setaffinity(pid, {0}),
            f"attack {who} idle": lambda pid=pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
        }
    for name, attempt in tries.items():
        try:
            said = f"allowed {attempt()!r:.60}"
        except BaseException as error:
            said = f"denied {type(error).__name__} {error}"
        yield f"{name}\t{said}\n".replace("\n", " ").rstrip() + "\n"


def processes():
    try:
        return os.listdir("/proc")
    except PermissionError:
        return []


def none():
    raise PermissionError("nothing of others")


def disk():
    with open("/proc/self/mountinfo") as file:
        major, _, minor = next(line.split()[2] for line in file if line.split()[4] == "/").partition(":")
    for name in os.listdir("/dev"):
        if os.stat("/dev/" + name).st_rdev == os.makedev(int(major), int(minor)):
            return "/dev/" + name
    return "/dev/none"


def capability():
    with open("/proc/self/status") as file:
        held = next(line for line in file if line.startswith("CapEff"))
    if int(held.split()[1], 16) == 0:
        raise PermissionError("none held")
    return held


def kill_own():
    child = subprocess.Popen(["sleep", "60"])
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
