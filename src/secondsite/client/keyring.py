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
import keyring, sys
act, *of = sys.argv[1:]
given = [sys.stdin.read()] if act == "set" else []
sys.stdout.write(getattr(keyring, f"{act}_password")(*of, *given) or "")
"""


def put(url: str, secret: str) -> bool:
    """Whether it keeps the secret for the vault at this URL, so that it can be read again."""
    return _asked("set", url, secret) is not None and get(url) == secret


def get(url: str) -> str | None:
    """What it keeps for the vault at this URL."""
    return _asked("get", url) or None


def remove(url: str) -> None:
    _asked("delete", url)


def _asked(act: str, url: str, given: str = "") -> str | None:
    """What it says; None if there is none, or it does not do that."""
    if util.find_spec(MODULE) is None:
        return None
    command: Sequence[str] = (sys.executable, "-I", "-c", ASK, act, SERVICE, url)
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
