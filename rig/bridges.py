"""The bridges of a rig's sites. Each carries its rig's folder as its alias, so that what is left over is
found again."""

import contextlib
import json
import sqlite3
import subprocess
from pathlib import Path

from rig.processes import DidNotStart

ALIAS = "secondsite-rig:"


def make(folder: Path, name: str) -> None:
    """A bridge of the rig in this folder, up; raises DidNotStart."""
    ip("link", "add", name, "type", "bridge")
    ip("link", "set", name, "alias", f"{ALIAS}{folder}")
    ip("link", "set", name, "up")


def ip(*arguments: str, check: bool = True) -> str:
    """One iproute2 command."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=10, check=False)
    if check and done.returncode != 0:
        raise DidNotStart(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def remove(folder: Path) -> None:
    """The sites' bridges, and those of drills that were left open."""
    tags = drills(folder)
    for line in ip("-o", "link", "show", "type", "bridge").splitlines():
        name = line.split(":")[1].strip().partition("@")[0]
        if f"{ALIAS}{folder}" in line or any(f"secondsite:{tag}" in line for tag in tags):
            ip("link", "del", name, check=False)


def drills(folder: Path) -> set[str]:
    """What networks of this rig's drills carry: the id of a machine, or of a run whose machines share one."""
    found = {path.name for path in folder.glob("appliance-*/store/replicas/*")}
    for file in folder.glob("appliance-*/appliance.db"):
        with contextlib.closing(sqlite3.connect(file)) as state:
            rows = state.execute("SELECT value FROM facts WHERE key LIKE 'drill-network/%'").fetchall()
        found |= {json.loads(value)["drill"] for (value,) in rows}
    return found
