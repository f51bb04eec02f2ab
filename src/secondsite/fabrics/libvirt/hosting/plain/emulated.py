"""Which devices this host's QEMU has. libvirt tells that of no controller before a machine is defined, and
distributions leave some out."""

import functools
import re
import subprocess
from pathlib import Path

from ...host import connection, domain_xml

NAME = re.compile(r'^name "([^"]+)"', re.MULTILINE)
ASK_SECONDS = 20.0


def devices(hypervisor: connection.Hypervisor) -> frozenset[str]:
    """Their names; empty if nobody could tell. Raises FabricError."""
    ask = hypervisor.handle.getDomainCapabilities
    text = connection.call("reading which QEMU runs machines", ask, None, "x86_64", None, None, 0)
    path = Path(domain_xml.parse(text).findtext("path") or "")
    try:
        return _of(path, path.stat().st_mtime_ns)
    except OSError:
        return frozenset()


@functools.lru_cache(maxsize=4)
def _of(path: Path, _: int) -> frozenset[str]:
    """Asked once for each build of QEMU."""
    try:
        told = subprocess.run(
            [path, "-device", "help"], capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return read(told.stdout)


def read(told: str) -> frozenset[str]:
    """The names in what `qemu -device help` tells."""
    return frozenset(NAME.findall(told))
