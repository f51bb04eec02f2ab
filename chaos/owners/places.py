"""Where an owner types: on the host of each site, as root."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rig.installed import Installed

LOOK = """
import libvirt, sys
connection = libvirt.openReadOnly(sys.argv[1])
try:
    domain = connection.lookupByName(sys.argv[2])
    print(domain.state()[0], domain.ID(), int(domain.hasManagedSaveImage()), domain.autostart())
except libvirt.libvirtError as problem:
    if problem.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
        raise
"""
"""By numbers: libvirt's words may be in any language."""
SECONDS = 120


@dataclass(frozen=True, slots=True)
class Standing:
    """libvirt's state of a machine, its number if it runs, whether its memory is saved, and whether it
    starts with its host."""

    state: int
    number: int
    saved: bool
    autostart: bool

    @property
    def is_on(self) -> bool:
        return self.number != -1


class Places(Protocol):
    """The hosts of the sites."""

    @property
    def sites(self) -> tuple[str, ...]:
        """By their names."""
        ...

    def typed(self, site: str, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Words for virsh, typed on the host of a site."""
        ...

    def look(self, site: str, name: str) -> Standing | None:
        """How a machine stands; None where it is not defined."""
        ...


@dataclass(frozen=True, slots=True)
class AtDaemons:
    """libvirt daemons of this machine, by site: their URIs."""

    uris: Mapping[str, str]

    @property
    def sites(self) -> tuple[str, ...]:
        return tuple(self.uris)

    def typed(self, site: str, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        words = ("virsh", "-c", self.uris[site], *words)
        return subprocess.run(words, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)

    def look(self, site: str, name: str) -> Standing | None:
        words = (sys.executable, "-c", LOOK, self.uris[site], name)
        return _standing(subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False))


@dataclass(frozen=True, slots=True)
class AsInstalled:
    rig: Installed
    sites: tuple[str, ...] = ("a", "b")

    def typed(self, site: str, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.rig.hosts[site].run("virsh", *words, within_seconds=SECONDS, text=text)

    def look(self, site: str, name: str) -> Standing | None:
        words = ("/usr/bin/python3", "-c", LOOK, "qemu:///system", name)
        return _standing(self.rig.hosts[site].run(*words, within_seconds=SECONDS))


def _standing(said: subprocess.CompletedProcess[str]) -> Standing | None:
    assert said.returncode == 0, said.stderr
    found = [int(each) for each in said.stdout.split()]
    return Standing(found[0], found[1], bool(found[2]), bool(found[3])) if found else None
