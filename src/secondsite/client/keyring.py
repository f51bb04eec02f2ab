"""The person's keyring, if the host has one: a locked one is opened by the person, and by nobody else.

Debian's python3-keyring knows which there is. It is asked in a process of its own, which has a deadline: a
keyring may wait for its password for ever, and most commands need none of that."""

import subprocess
import sys
from collections.abc import Sequence
from importlib import util

SERVICE = "secondsite"
SECONDS = 60.0
"""Within which somebody may unlock it."""
MODULE = "keyring"
ASK = """
import sys
from keyring import core
core.init_backend(core.recommended)
chosen = core.get_keyring()
act, *of = sys.argv[1:]
for each in getattr(chosen, "backends", [chosen]):
    if core.recommended(each) and not type(each).__module__.startswith("keyrings.alt"):
        given = [sys.stdin.read()] if act == "set" else []
        sys.stdout.write(getattr(each, f"{act}_password")(*of, *given) or "")
        break
else:
    sys.exit("no keyring that is locked")
"""
"""The library recommends what is locked, and no plain files. A person's own settings may name one of these,
and some of keyrings.alt rank high: none is better than a file of ours."""


def put(entry: str, secret: str) -> bool:
    """Whether it keeps the secret in this entry, so that it can be read again."""
    return _asked("set", entry, secret) is not None and get(entry) == secret


def get(entry: str) -> str | None:
    """What it keeps in this entry."""
    return _asked("get", entry) or None


def remove(entry: str) -> None:
    _asked("delete", entry)


def _asked(act: str, entry: str, given: str = "") -> str | None:
    """What it says; None if there is none, or it does not do that."""
    if util.find_spec(MODULE) is None:
        return None
    command: Sequence[str] = (sys.executable, "-I", "-c", ASK, act, SERVICE, entry)
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
