"""Hosts without an appliance: what a fabric is tried on.

`LibvirtHost` is driven by this process, which can hold one embedded root; `HeldRoot` by a process of its own,
that is killed and started again. A `SimulatedHost` has no QEMU.
"""

from rig.hosts.held_root import HeldRoot
from rig.hosts.libvirt_host import LibvirtHost, uri_of
from rig.hosts.simulated_host import SimulatedHost

__all__ = ["HeldRoot", "LibvirtHost", "SimulatedHost", "uri_of"]
