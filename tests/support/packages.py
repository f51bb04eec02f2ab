"""Debian packages that the first test which needs them installs."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

LISTS = Path(__file__).resolve().parents[2] / "requirements"


def require(name, are_there):
    """The packages of this list. Skips the test where they are missing, and cannot be installed."""
    if os.geteuid() != 0:
        pytest.skip("only root installs packages")
    with Path(f"/tmp/secondsite-{name}-packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = "" if are_there() else _installed(LISTS / f"{name}.txt")
    if said:
        pytest.skip(f"{name} cannot be installed here: {said}")


def _installed(listed):
    """What is wrong; empty if all is there."""
    packages = [line for line in listed.read_text().splitlines() if line and not line.startswith("#")]
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    try:
        done = subprocess.run(
            command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return done.stderr.strip()[-300:] if done.returncode else ""
