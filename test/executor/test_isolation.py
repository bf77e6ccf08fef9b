"""What a reader can reach, and what it cannot: profiles, layers, users."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import textwrap
from pathlib import Path

import pytest

from rowcast.v1 import executor_pb2 as pb

HOSTILE = Path(__file__).resolve().parents[1] / "support" / "hostile"
# Each is tried in a reader; what it says is the outcome.
ATTACKS = (HOSTILE / "attacks.py").read_text()
LAUNCH = """
import os, sys
sys.path.insert(0, {package!r})
from rowcast._child import kernel, seccomp
seccomp._REFUSED = {refused!r}
seccomp._UNKNOWN = {unknown!r}
seccomp._OWN = seccomp._OWN_PRIORITY = {{}}
kernel.Libc().prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
seccomp.apply(kernel.Libc())
os.execv(sys.argv[1], sys.argv[1:])
"""
UNSHARE = {"unshare": (272, 97)}
LANDLOCK = {"landlock": (444, 444)}
USERS = [0, 10001] if os.getuid() == 0 else [0]


def without(*, refused: dict[str, tuple[int, int]], unknown: dict[str, tuple[int, int]]) -> list[str]:
    """Starts a program on what looks like a lesser kernel."""
    package = str(Path(__file__).resolve().parents[2] / "executor")
    return [sys.executable, "-c", LAUNCH.format(package=package, refused=refused, unknown=unknown)]


async def outcome(executor, secret: Path) -> dict[str, str]:
    """What became of each attack."""
    connector = await executor.open(ATTACKS, credentials=str(secret))
    read = await connector.read()
    assert not read.trailers[0].HasField("error"), read.trailers[0].error
    return dict(line.split("\t", 1) for line in read.data[0].decode().splitlines())


def allowed(outcomes: dict[str, str], kind: str) -> dict[str, str]:
    return {name: said for name, said in outcomes.items() if name.startswith(kind) and not said.startswith("denied")}


@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("profile", ["pod", "workstation"])
async def test_an_attack_reaches_neither_supervisor_nor_siblings_nor_the_hidden(live, profile: str, uid: int) -> None:
    executor = await live("--profile", profile, uid=uid)
    info = await executor.stub.GetInfo(pb.GetInfoRequest())
    assert (info.isolation, info.isolation_reason) == ("full", "")
    sibling = await executor.open("import os\ndef read_bytes(c, m): return str(os.getpid())\n")
    victim = (await sibling.read()).data[0].decode()
    secret = executor.home / "secret"
    secret.touch(mode=0o644)
    outcomes = await outcome(executor, secret)
    assert allowed(outcomes, "attack ") == {}
    denied_needs = {name: said for name, said in outcomes.items() if name.startswith("need ") and "denied" in said}
    assert denied_needs == {}
    # Both are as they were.
    assert os.getpriority(os.PRIO_PROCESS, executor.process.pid) == 0
    assert (await sibling.read()).data[0].decode() == victim


async def test_a_pod_sees_its_own_folders_and_a_workstation_what_its_user_may(live, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("seen")
    source = f"def read_bytes(c, m): return open({str(outside)!r}).read()\n"
    pod = await (await live()).open(source)
    assert (await pod.read()).error().type == "PermissionError"
    workstation = await (await live("--profile", "workstation")).open(source)
    assert (await workstation.read()).data == {0: b"seen"}


async def test_a_workstation_hides_what_it_is_told_to(live, tmp_path: Path) -> None:
    for name in ("hidden", "other", "other/inner"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    hidden = ["--hide", str(tmp_path / "hidden"), "--hide", str(tmp_path / "other" / "file")]
    executor = await live("--profile", "workstation", *hidden)
    connector = await executor.open(f"""
        import os
        def read_bytes(context, metadata):
            out = []
            for name in ("hidden/file", "other/file", "other/inner/file"):
                try: out.append(open(os.path.join({str(tmp_path)!r}, name)).read())
                except OSError as error: out.append(type(error).__name__)
            return str([*out, os.listdir({str(tmp_path / "hidden")!r}), os.getcwd() == os.path.dirname(__file__)])
    """)
    assert (await connector.read()).data == {0: b"['FileNotFoundError', '', 'x', [], True]"}


@pytest.mark.parametrize(
    ("refused", "unknown", "reason"),
    [
        (UNSHARE, {}, "user and mount namespaces: EPERM"),
        ({}, LANDLOCK, "Landlock: ENOSYS"),
        (UNSHARE, LANDLOCK, "user and mount namespaces: EPERM; Landlock: ENOSYS"),
    ],
    ids=["no namespaces", "no Landlock", "neither"],
)
async def test_on_a_lesser_kernel_it_is_reduced_and_says_why(live, refused, unknown, reason: str) -> None:
    executor = await live("--profile", "workstation", before=without(refused=refused, unknown=unknown))
    info = await executor.stub.GetInfo(pb.GetInfoRequest())
    assert info.isolation == "reduced"
    assert info.isolation_reason == reason
    secret = executor.home / "secret"
    secret.touch()
    if "Landlock" not in reason:
        # Every sibling of a hidden folder is allowed, it is not.
        # The interpreter is the user's own, and no longer a mount that nobody may write.
        assert set(allowed(await outcome(executor, secret), "attack ")) <= {"attack interpreter"}
        return
    # Signals would reach the supervisor now: only what the other layers still keep.
    connector = await executor.open(
        """
        import os, resource
        def context(credentials): return credentials
        def read_bytes(secret, metadata):
            for attempt in (
                lambda: open(secret),
                lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (64, 64)),
                lambda: os.sched_setaffinity(os.getppid(), {0}),
            ):
                try: yield f"allowed:{type(attempt()).__name__} "
                except OSError as error: yield type(error).__name__ + " "
        """,
        credentials=str(secret),
    )
    seen = (await connector.read()).data[0].decode().split()
    assert seen[-2:] == ["PermissionError"] * 2
    if "namespaces" not in reason:
        assert seen[0] == "FileNotFoundError"


@pytest.mark.parametrize("profile", ["pod", "workstation"])
async def test_native_packages_work_under_full_isolation(live, profile: str) -> None:
    executor = await live("--profile", profile)
    source = textwrap.dedent("""
        import io, sqlite3, ssl, socket, subprocess, tempfile, threading, multiprocessing
        import numpy
        def list_objects(c, m): return []
        def read_bytes(context, metadata):
            a = numpy.random.default_rng(1).random((300, 300))
            assert abs(numpy.linalg.inv(a) @ a - numpy.eye(300)).max() < 1e-6
            with tempfile.TemporaryDirectory() as folder:
                database = sqlite3.connect(folder + "/a.db")
                database.execute("create table t(a)")
                numpy.save(folder + "/a.npy", a)
            done = []
            thread = threading.Thread(target=done.append, args=(1,))
            thread.start(); thread.join()
            with multiprocessing.get_context("fork").Pool(2) as pool:
                done += pool.map(abs, [-1, -2])
            out = subprocess.run(["sh", "-c", "echo ok"], capture_output=True, text=True).stdout.strip()
            ssl.create_default_context()
            return str([done, out, socket.getaddrinfo("localhost", 80)[0][4][1]])
    """)
    sha256 = await executor.put({"connector.py": source.encode()})
    last = (await executor.prepare(sha256, pip=["numpy"], load=True))[-1]
    assert last.environment_id, last.error
    connector = await executor.open(source, environment_id=last.environment_id)
    assert (await connector.read()).data == {0: b"[[1, 1, 2], 'ok', 80]"}
    info = await executor.stub.GetInfo(pb.GetInfoRequest())
    assert info.isolation == "full"


async def test_readers_die_with_a_supervisor_that_is_killed_outright(live, gone) -> None:
    executor = await live()
    connector = await executor.open("""
        import os, signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
        def read_bytes(context, metadata):
            yield str(os.getpid())
            while True: time.sleep(600)
    """)
    call = connector.start_read(["f"])
    pid = int((await call.read()).pieces[0].data)
    executor.process.kill()
    await gone(pid)
    # For the fixture: what a killed one leaves, the next one clears.
    executor.process.wait()
    executor.process.returncode = 0
    shutil.rmtree(executor.home / "scratch")
    (executor.home / "scratch").mkdir()


CONNECTS = """
import socket
def context(credentials): return [int(port) for port in credentials.split()]
def attempt(how):
    try:
        how()
        return "connected"
    except OSError as error:
        return type(error).__name__
def connect(port, protocol=0):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as link: link.connect(("127.0.0.1", port))
def fast_open(port):
    with socket.socket() as link: link.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", port))
def read_bytes(ports, metadata):
    for port in ports:
        for how in (connect, lambda port: connect(port, 262), fast_open):
            yield attempt(lambda: how(port)) + " "
"""


@pytest.mark.parametrize("profile", ["pod", "workstation"])
async def test_only_the_ports_that_the_operator_allows_are_reached(live, profile: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
        executor = await live("--profile", profile, "--ports", f"443,{ports[0]}")
        connector = await executor.open(CONNECTS, credentials=" ".join(map(str, ports)))
        allowed, mptcp, fast, *refused = (await connector.read()).data[0].decode().split()
        # The ways past Landlock are shut for all ports: nobody needs them.
        assert (allowed, "connected" in (mptcp, fast)) == ("connected", False)
        assert len(refused) == 3
        assert refused[0] == "PermissionError"
        assert "connected" not in refused
        assert (await executor.stub.GetInfo(pb.GetInfoRequest())).isolation == "full"
        # Without the option any port is.
        free = await (await live("--profile", profile)).open(CONNECTS, credentials=str(ports[1]))
        assert (await free.read()).data[0].decode().split()[0] == "connected"
