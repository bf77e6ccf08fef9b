"""Tries to write, link, make and remove outside its scratch folder. The credentials name the executor's home."""

import json
import os


def context(credentials):
    return json.loads(credentials)


def read_bytes(places, metadata):
    home, outside = places["home"], places["outside"]
    own = os.environ["TMPDIR"]
    bundle = os.path.dirname(os.path.abspath(__file__))
    scratch = os.path.dirname(own)
    tries = {
        "home": lambda: create(home + "/rowcast-hostile"),
        "bundles": lambda: create(home + "/bundles/rowcast-hostile"),
        "environments": lambda: create(home + "/environments/rowcast-hostile"),
        "locks": lambda: create(home + "/locks/rowcast-hostile"),
        "bundle": lambda: create(bundle + "/rowcast-hostile"),
        "own code": lambda: create(bundle + "/connector.py"),
        "own code removed": lambda: os.unlink(bundle + "/connector.py"),
        "own code renamed": lambda: os.rename(bundle + "/connector.py", own + "/connector.py"),
        "bundle removed": lambda: os.rmdir(bundle),
        "executor's scratch": lambda: create(scratch + "/rowcast-hostile"),
        "library": lambda: create(os.path.dirname(os.__file__) + "/rowcast_hostile.py"),
        "kernel": lambda: create("/proc/sys/kernel/hostname"),
        "parent": lambda: create(f"/proc/{os.getppid()}/oom_score_adj"),
        "device": lambda: create("/dev/rowcast-hostile"),
        "link out": lambda: create(link(own + "/link", home + "/rowcast-hostile")),
        "hard link": lambda: os.link(bundle + "/connector.py", own + "/hard"),
        "made node": lambda: os.mknod(own + "/node", 0o60666, os.makedev(8, 0)),
        "outside": lambda: create(outside + "/rowcast-hostile"),
        "scratch": lambda: create(own + "/mine"),
    }
    for name, attempt in tries.items():
        try:
            attempt()
            yield f"{name}\tdone\n"
        except OSError as error:
            yield f"{name}\t{type(error).__name__}\n"


def create(path):
    with open(path, "w") as file:
        file.write("x")


def link(path, target):
    os.symlink(target, path)
    return path
