"""Sites on one machine, for tests, demo, chaos and benchmarks, in five levels. Take the lowest that shows
what you want.

    host         rig.hosts.LibvirtHost       real QEMU under libvirt in this process; no appliance
                 rig.hosts.HeldRoot          the same in a process of its own, that is killed and started
                                             again
    appliances   rig.appliances.Site, Pair   simulated machines replicate; orders are given by hand, no vault
                 rig.appliances.TwoSites     the same, each appliance a process: measured alone
                 rig.appliances.Kept         the same, killed and started again, under the smallest vault
                                             there is
    vault        rig.Rig("simulated")        a vault and two appliances as processes; machines are simulated
    guests       rig.Rig("libvirt")          the same with real guests under QEMU
    installed    rig.installed.Installed     three hosts with a systemd each, as deploy/install leaves them;
                 they can be rebooted

A Site starts in a tenth of a second, a process in one, a guest in several. Appliances without a vault show
how data moves and what an order does; a vault adds verbs, jobs and the REST API; guests show what a real
kernel sees. Everything of a rig lies in one folder; its end leaves nothing behind: no process, no guest, no
bridge, no file. What each level leaves out of the world stands in docs/design/levels-of-the-rig.md.

Beside the levels, to be used with any of them:

    relay, lossy_link     a line that is slow, cut, altered, or loses packets
    small_store           a file system that can be full
    dying                 death at a seam within this process
    images, noise         disks read by qemu-img alone, and what is written to them
    ext4_disks            disks that hold files
    background            threads that cannot die in silence
    eventually            a wait with a deadline
    preset                a new vault's database without its migrations
    release, packages     another Debian release; our packages, and fresh hosts to try them on
    asked, answering      a process that answers lines of JSON, and its other end
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rig.machines import GuestMachine, SimulatedMachine
    from rig.sites import Rig, SiteName

__all__ = ["GuestMachine", "Rig", "SimulatedMachine", "SiteName"]


def __getattr__(name: str) -> Any:
    """When it is asked for: a process of a rig that needs no whole rig starts in half the time."""
    if name not in __all__:
        raise AttributeError(f"module 'rig' has no attribute '{name}'")
    from rig import machines, sites

    return getattr(machines if name.endswith("Machine") else sites, name)
