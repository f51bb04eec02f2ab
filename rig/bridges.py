"""The bridges of a rig's sites. Each carries its rig's folder as its alias, so that what is left over is
found again."""

import contextlib
import ipaddress
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


def subnet(tag: str) -> ipaddress.IPv4Network:
    """One that no other rig here has: its own part of what is kept for trials."""
    first = ipaddress.IPv4Address("198.18.0.0")
    return ipaddress.IPv4Network((first + 16 * (int(tag, 16) % (1 << 13)), 28))


def join(name: str, within: ipaddress.IPv4Network) -> None:
    """This host has the first address on a bridge."""
    ip("address", "add", f"{within[1]}/{within.prefixlen}", "dev", name)


def serve(folder: Path, name: str, within: ipaddress.IPv4Network) -> None:
    """Gives its other addresses to guests that ask for one, until the rig of this folder ends."""
    words = ["--conf-file=/dev/null", "--port=0", f"--interface={name}", "--bind-interfaces", "--user=root"]
    words += [f"--dhcp-range={within[2]},{within[-2]}", f"--dhcp-leasefile={folder}/{name}.leases"]
    done = subprocess.run(
        ["dnsmasq", *words, f"--pid-file={folder}/{name}.pid"],
        capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise DidNotStart(f"addresses are not given on {name}: {done.stderr.strip()}")


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
