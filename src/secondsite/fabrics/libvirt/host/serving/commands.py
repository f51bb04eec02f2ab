"""Runs a program that changes the host's network."""

import subprocess

from .....domain import errors

SECONDS = 10.0
INSTALLED_BY = {"ip": "iproute2", "bridge": "iproute2", "nft": "nftables"}
"""The program's package."""


def run(program: str, *arguments: str, said: str | None = None) -> str:
    """What the program wrote; `said` is its input. Raises FabricError."""
    called = " ".join((program, *arguments))
    try:
        done = subprocess.run(
            [program, *arguments], input=said, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.FabricError(
            f"'{called}' could not run: {error}", do=f"Install {INSTALLED_BY[program]}."
        ) from error
    if done.returncode != 0:
        raise errors.FabricError(
            f"'{called}' failed: {done.stderr.strip()}",
            do="Check that the appliance may manage the host's network (CAP_NET_ADMIN).",
        )
    return done.stdout


def ip(*arguments: str) -> str:
    """What `ip` wrote. Raises FabricError."""
    return run("ip", *arguments)
