"""The simulated fabric: all protocols over one host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...datapath.encryption import EncryptionKey
from ..interface import Properties
from .addressing import SimulatedAddressing
from .firmware import SimulatedFirmware
from .host import faults as dialling
from .host.faults import Fault, Faults
from .host.host import Host
from .host.records import KIND
from .hosting import SimulatedHosting
from .inventory import SimulatedInventory
from .networks import SimulatedNetworks
from .power import SimulatedPower
from .quiescing import SimulatedQuiescing
from .reaching import SimulatedReaching
from .scripting import SimulatedScripting
from .seeing import SimulatedSeeing
from .tracking.tracking import SimulatedTracking


class SimulatedFabric:
    """One simulated site. All state lies under its root; several processes may have it open."""

    def __init__(
        self, root: Path, delay_seconds: tuple[float, float], key: EncryptionKey | None = None
    ) -> None:
        host = Host(root, key)
        faults = Faults(host.root, delay_seconds)
        self.root = host.root
        self.properties = Properties(
            kind=KIND,
            accelerated=False,
            quiescing=True,
            networks=True,
            notes=("Machines have disks and no processor.",),
        )
        self.inventory = SimulatedInventory(host, faults)
        self.power = SimulatedPower(host, faults)
        self.quiescing = SimulatedQuiescing(host, faults)
        self.firmware = SimulatedFirmware(host, faults)
        self.tracking = SimulatedTracking(host, faults, self.quiescing)
        self.hosting = SimulatedHosting(host, faults)
        self.networks = SimulatedNetworks(host.root, faults)
        self.seeing = SimulatedSeeing(host, faults)
        self.reaching = SimulatedReaching(host, faults)
        self.addressing = SimulatedAddressing(host, faults)
        self.scripting = SimulatedScripting(host, faults)

    def close(self) -> None:
        """Nothing to close: daemons and machines run on."""


def open_fabric(
    root: Path,
    faults: Sequence[Fault] = (),
    delay_seconds: tuple[float, float] = (0.0, 0.0),
    key: EncryptionKey | None = None,
) -> SimulatedFabric:
    """The simulated site under `root`, created if it is new. `faults` replace those of the site; without any it keeps them.

    `delay_seconds` is the least and the most by which every call is delayed. `key` opens encrypted disks.
    """
    fabric = SimulatedFabric(root, delay_seconds, key)
    if faults:
        dialling.dial(fabric.root, faults)
    return fabric
