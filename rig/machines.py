"""Machines of a rig: real guests under libvirt, or simulated ones, made before the site's appliance starts.

One process can hold an embedded libvirt root at a time, so a guest is defined by a short process of its own;
the guest runs on when that process ends, and the appliance finds it.
"""

import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import guestkit
from rig import guest_disk, loop_devices, processes
from rig.ceph_cluster import CephCluster
from rig.images import qemu_img
from rig.iscsi_target import IscsiTarget
from secondsite.fabrics import simulated

BLOCK, ISCSI, RBD, OLD_QCOW2 = "block", "iscsi", "rbd", "qcow2 version 2"
ON_NETWORK = (ISCSI, RBD)
STORAGE = ("qcow2", "raw", BLOCK, OLD_QCOW2, *ON_NETWORK)
SUFFIXES = {BLOCK: "raw", ISCSI: "raw", RBD: "raw", OLD_QCOW2: "qcow2"}
DEFINE = """
import libvirt
import sys
from pathlib import Path
from secondsite.fabrics.libvirt.host.connection import Hypervisor
domain = Hypervisor(sys.argv[1]).handle.defineXML(Path(sys.argv[2]).read_text())
for left in range(9, -1, -1):
    try:
        domain.create()
        break
    except libvirt.libvirtError as problem:
        # another of libvirt's processes, of a rig beside, has just taken the same name for a tap device
        if not left or "resource busy" not in str(problem):
            raise
"""


@dataclass(slots=True)
class GuestMachine:
    """A real guest. `console` is what it says at the site where it was made."""

    name: str
    fabric_id: str
    disks: tuple[Path, ...]
    console: guestkit.Console
    bridge: str
    contents: tuple[Path, ...]
    """The disks as QEMU's programs read them now, wherever they are."""

    @classmethod
    def make(
        cls,
        name: str,
        home: Path,
        bridge: str,
        *,
        disk_bytes: tuple[int, ...] = (64 * guestkit.MiB,),
        storage: str = "qcow2",
        filled_bytes: int = 0,
        workload: guestkit.Workload | None = None,
        kind: guestkit.Kind = guestkit.Kind.WRITER,
        screen: bool = False,
        terminal: bool = False,
        uri: str | None = None,
        inside: Sequence[str] = (),
    ) -> "GuestMachine":
        """Defines and starts a guest in the embedded libvirt root of the appliance whose home this is, or
        at `uri`. Its disks are files of the format `storage`, block devices if that is "block", raw files
        behind an iSCSI target of this host, or images of a Ceph cluster here. `terminal`: people can sit at
        its serial port, whose output nobody keeps, and at its screen, by VNC. `inside`: words before the
        command that defines it."""
        folder = home / "machines" / name
        folder.mkdir(parents=True)
        guest = guestkit.build(kind=kind)
        if uri is not None:
            guest = _copied(guest, folder)
        suffix = SUFFIXES.get(storage, storage)
        disks = tuple(
            guestkit.make_disk(folder / f"disk{number}.{suffix}", size, filled_bytes=filled_bytes)
            for number, size in enumerate(disk_bytes)
        )
        if storage == BLOCK:
            disks = tuple(map(loop_devices.begin, disks))
        if storage == OLD_QCOW2:
            for disk in disks:
                qemu_img("amend", "-f", "qcow2", "-o", "compat=0.10", disk)
        fabric_id = str(uuid.uuid4())
        mac = "52:54:00:" + ":".join(f"{byte:02x}" for byte in uuid.UUID(fabric_id).bytes[:3])
        console = folder / "console.log"
        xml = guestkit.domain_xml(
            name,
            fabric_id,
            guest,
            disks,
            [guestkit.Nic(bridge, mac)],
            console,
            workload=workload,
            screen=screen or terminal,
        )
        if terminal:
            xml = KEPT_CONSOLE.sub(TERMINAL, xml)
        contents = disks
        if storage == ISCSI:
            xml = _on_network(xml, IscsiTarget(folder / "target"), disks)
        if storage == RBD:
            cluster = CephCluster(folder / "ceph")
            xml = _on_network(xml, cluster, disks)
            contents = tuple(map(cluster.image, disks))
        (folder / "domain.xml").write_text(xml)
        define(uri or f"qemu:///embed?root={home / 'fabric'}", folder / "domain.xml", inside)
        return cls(name, fabric_id, disks, guestkit.Console(console), bridge, contents)


KEPT_CONSOLE = re.compile(r"<serial type='file'>.*?</serial>", re.S)
TERMINAL = (
    "<serial type='pty'><target port='0'/></serial>"
    "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>"
)


def _copied(guest: guestkit.Guest, folder: Path) -> guestkit.Guest:
    """The guest's files in a folder that a QEMU of another user can read; the cache may lie in somebody's
    home."""
    kernel, initrd = (Path(shutil.copy(path, folder)) for path in (guest.kernel, guest.initrd))
    return replace(guest, kernel=kernel, initrd=initrd)


def _on_network(xml: str, target: IscsiTarget | CephCluster, disks: Sequence[Path]) -> str:
    """A definition whose disks are served by this target, until the rig ends."""
    target.start()
    for disk in disks:
        target.offer(disk)
    return target.named(xml)


def define(uri: str, xml: Path, inside: Sequence[str] = ()) -> None:
    """Define and start the machine of this domain XML."""
    done = subprocess.run(
        [*inside, sys.executable, "-c", DEFINE, uri, str(xml)],
        env=processes.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise processes.DidNotStart(f"the guest could not be defined:\n{done.stdout}{done.stderr}")


@dataclass(slots=True)
class SimulatedMachine:
    """A machine of the simulated fabric. Its guest is whoever writes to it: `simulated.Guest`,
    `simulated.Writer`."""

    name: str
    fabric_id: str
    home: Path

    @classmethod
    def make(
        cls,
        name: str,
        home: Path,
        *,
        disk_bytes: Sequence[int] = (64 * guestkit.MiB,),
        network: str | None = None,
    ) -> "SimulatedMachine":
        """Makes and starts a machine at the site of the appliance whose home this is."""
        networks = (network,) if network else ()
        fabric_id = simulated.make_machine(home / "fabric", name, disk_bytes, networks=networks)
        simulated.open_fabric(home / "fabric").power.start(fabric_id)
        return cls(name, fabric_id, home)

    @property
    def host(self) -> Path:
        """The simulated host that it was made on."""
        return self.home / "fabric"

    def write(self, offset: int, data: bytes, key: str = "vda") -> None:
        """As its guest, flushed."""
        guest_disk.write(self.host, self.fabric_id, offset, data, key)

    def read(self, key: str = "vda") -> bytes:
        """The whole disk as its guest sees it."""
        return guest_disk.read(self.host, self.fabric_id, key)
