"""A libvirt host of its own: one embedded root in this process, or a libvirtd, with hands on its guests'
disks."""

import contextlib
import json
import os
import re
import signal
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import libvirt
import libvirt_qemu

import guestkit
from rig import capabilities, processes
from rig.ceph_cluster import CephCluster
from rig.eventually import eventually
from rig.hosts.domains import firmware_xml, uefi_xml
from rig.images import qemu_img
from rig.iscsi_target import IscsiTarget
from secondsite.fabrics.libvirt import LibvirtFabric, open_fabric
from secondsite.fabrics.libvirt.host.connection import Hypervisor
from secondsite.ground.units import MiB

UNDEFINE_ALL = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)

SERIAL_PORT = 0x3F8
SHOWS = (
    "<serial type='file'><source path='{console}' append='on'/><target port='0'/></serial>"
    "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
    "<video><model type='vga'/></video>"
)
"""A console that is kept, a channel on which no agent listens, a screen."""


def uri_of(root: Path) -> str:
    """What the embedded driver of this root is opened by."""
    return f"qemu:///embed?root={root}"


class Devices(Protocol):
    """Block devices for disks, as `rig.loop_devices`."""

    def begin(self, file: Path) -> Path:
        """A device with the content of a raw file."""

    def grow(self, device: Path, file: Path, size_bytes: int) -> None:
        """As its owner does."""

    def end(self, device: Path) -> None:
        """Take it away."""


class LibvirtHost:
    """Fulfils conformance.FabricUnderTest. Machines sit in their firmware; writes go through QEMU's
    monitor."""

    obeys_shutdown, has_files = False, True

    def __init__(self, root: Path, uri: str | None = None, view_kind: str = "backup-job") -> None:
        """All files lie in `root`; `uri` names a libvirtd instead of the embedded driver."""
        self.root = root
        self.uri, self.view_kind, self.disk_format = uri or uri_of(root), view_kind, "qcow2"
        self.image_options: tuple[str, ...] = ()
        """What new images are made with besides, as qemu-img takes it."""
        self.devices: dict[Path, Path] = {}
        """The files that the block devices were made from, by device."""
        self._devices: Devices | None = None
        """Makes the block devices that disks are on; None while disks are files."""
        self.target: IscsiTarget | CephCluster | None = None
        """Serves the files of network disks, while disks are such."""
        self.pool: Any = None
        """The storage pool of the images, while definitions name disks as its volumes."""
        self.pid_files = root / "run" / "qemu"
        self.images = root / "images"
        self.work_dir = root / "work"
        self.scratch_dir = root / "scratch"
        for folder in (self.images, self.scratch_dir):
            folder.mkdir(parents=True, exist_ok=True)
        capabilities.lend(root)
        self.connection = Hypervisor(self.uri)
        self.fabric = self._opened()

    def reopen(self) -> None:
        self.fabric.close()
        self.fabric = self._opened()

    @contextlib.contextmanager
    def viewed_by(
        self,
        view_kind: str,
        disk_format: str = "qcow2",
        *options: str,
        on_devices: Devices | None = None,
        on_network: IscsiTarget | CephCluster | None = None,
    ) -> Iterator[None]:
        """Inside, views of running machines are of this kind, and new disks of this format, in files, on
        block devices or behind a server, which runs, made with these options."""
        before = self.view_kind, self.disk_format, self.image_options
        self.view_kind, self.disk_format, self.image_options = view_kind, disk_format, options
        self._devices = on_devices
        self.target = on_network
        self.reopen()
        try:
            yield
        finally:
            self.target = None
            self.view_kind, self.disk_format, self.image_options = before
            self._devices = None
            if on_devices is not None:
                for device in self.devices:
                    on_devices.end(device)
            self.devices.clear()
            self.reopen()

    @contextlib.contextmanager
    def as_volumes(self) -> Iterator[None]:
        """Inside, new machines name their disks as volumes of a storage pool."""
        text = f"<pool type='dir'><name>images</name><target><path>{self.images}</path></target></pool>"
        self.pool = self.connection.handle.storagePoolCreateXML(text)
        try:
            yield
        finally:
            self.pool.destroy()
            self.pool = None

    @property
    def keeps_bitmaps(self) -> bool:
        return self.disk_format == "qcow2" and "compat=0.10" not in self.image_options

    @property
    def proves_rest(self) -> bool:
        return self._devices is None and self.target is None

    def _opened(self) -> LibvirtFabric:
        boot = [guestkit.DEFAULT_CACHE]
        return open_fabric(self.uri, self.work_dir, [self.root], boot_folders=boot, view_kind=self.view_kind)

    # -- machines --------------------------------------------------------------------------------------

    def make_machine(self, name: str, disks_bytes: Sequence[int]) -> str:
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        paths = [self.make_image(f"{name}-{number}", size) for number, size in enumerate(disks_bytes)]
        return self.define(firmware_xml(name, paths, form=self.disk_format))

    def make_filing_machine(self, name: str) -> str:
        return self.make_machine(name, [4 * MiB])

    def switch_on(self, fabric_id: str) -> None:
        self.fabric.power.start(fabric_id)

    def make_firmware_machine(self, name: str, nvram: bytes) -> str:
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        variables = self.root / f"{name}.fd"
        variables.write_bytes(nvram)
        return self.define(uefi_xml(name, [self.make_image(name, 4 * MiB)], variables, form=self.disk_format))

    def make_showing_machine(self, name: str) -> str:
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        extra, disks = SHOWS.format(console=self.root / f"{name}.log"), [self.make_image(name, 4 * MiB)]
        return self.define(firmware_xml(name, disks, extra=extra, form=self.disk_format))

    def say(self, fabric_id: str, text: str) -> None:
        for byte in text.encode():
            self.human(fabric_id, f"o/b {SERIAL_PORT:#x} {byte:#x}")

    def make_image(self, name: str, size_bytes: int, *options: str) -> Path:
        """A disk among the host's images."""
        path = self.images / f"{name}.{self.disk_format}"
        made = (*self.image_options, *options)
        qemu_img("create", "-q", "-f", self.disk_format, *made, path, str(size_bytes))
        if self.target is not None:
            self.target.offer(path)
        if self._devices is None:
            return path
        device = self._devices.begin(path)
        self.devices[device] = path
        return device

    def define(self, xml: str) -> str:
        """The fabric id of a machine that is off."""
        if self.pool is not None:
            self.pool.refresh()
            xml = _with_volumes(xml, self.pool.name(), self.images)
        if self.target is not None:
            xml = self.target.named(xml)
        fabric_id: str = self.connection.handle.defineXML(xml).UUIDString()
        return fabric_id

    def domain(self, fabric_id: str) -> Any:
        """libvirt's own handle of a machine."""
        return self.connection.domain(fabric_id)

    def disk_path(self, fabric_id: str, disk_key: str) -> Path:
        found = self.fabric.inventory.get(fabric_id)
        assert found is not None, f"the host has no machine {fabric_id}"
        path = next(disk.path for disk in found.definition.disks if disk.key == disk_key)
        return (self.target and self.target.file(path)) or Path(path)

    # -- hands on machines that run --------------------------------------------------------------------

    def write(self, fabric_id: str, disk_key: str, offset: int, data: bytes) -> None:
        number = ord(disk_key[-1]) - ord("a")
        assert disk_key.startswith("vd")
        device = f"/machine/peripheral/virtio-disk{number}/virtio-backend"
        for command in (f"write -P {data[0]:#x} {offset} {len(data)}", "flush"):
            said = self.human(fabric_id, f'qemu-io -d {device} "{command}"')
            assert "failed" not in said, said
            assert "rror" not in said, said

    def human(self, fabric_id: str, line: str) -> str:
        """What QEMU's monitor answers to a command of its language for people."""
        said: str = libvirt_qemu.qemuMonitorCommand(self.domain(fabric_id), line, 1)
        return said

    def qmp(self, fabric_id: str, command: str, **arguments: Any) -> dict[str, Any]:
        """What QEMU's monitor answers to a command in JSON."""
        line = json.dumps({"execute": command, "arguments": arguments})
        said: dict[str, Any] = json.loads(
            libvirt_qemu.qemuMonitorCommand(self.domain(fabric_id), line, 0)
        )  # fmt: skip
        return said

    def stands_still(self, fabric_id: str) -> bool:
        return not self.qmp(fabric_id, "query-status")["return"]["running"]

    def resize(self, fabric_id: str, disk_key: str, size_bytes: int) -> None:
        path = self.disk_path(fabric_id, disk_key)
        if self._devices is not None:
            self._devices.grow(path, self.devices[path], size_bytes)
        self.domain(fabric_id).blockResize(disk_key, size_bytes, 1)

    def take_snapshot(self, fabric_id: str, disk_key: str) -> None:
        """As 'virsh snapshot-create --disk-only'."""
        overlay = self.images / f"{uuid.uuid4().hex[:8]}.qcow2"
        disk = f"<disk name='{disk_key}' snapshot='external'><source file='{overlay}'/></disk>"
        xml = f"<domainsnapshot><disks>{disk}</disks></domainsnapshot>"
        self.domain(fabric_id).snapshotCreateXML(xml, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)

    def end_snapshot(self, fabric_id: str, disk_key: str) -> None:
        """As 'virsh blockcommit --active --pivot'."""
        domain = self.domain(fabric_id)
        domain.blockCommit(disk_key, None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        eventually(lambda: "ready='yes'" in domain.XMLDesc())
        domain.blockJobAbort(disk_key, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)

    def define_anew(self, fabric_id: str) -> None:
        """As 'virsh define' does with a file from before."""
        xml = self.domain(fabric_id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.define(re.sub(r"<metadata>.*?</metadata>", "", xml, flags=re.DOTALL))

    def kill(self, fabric_id: str) -> None:
        pid = (self.pid_files / f"{self.domain(fabric_id).name()}.pid").read_text()
        os.kill(int(pid), signal.SIGKILL)

    # -- the end ---------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Destroys and forgets all machines of this host; images go with the root."""
        for domain in self.connection.domains():
            self.fabric.power.stop(domain.UUIDString())
            if domain.isPersistent():
                domain.undefineFlags(UNDEFINE_ALL)

    def end(self) -> None:
        """Nothing runs any longer; the files are the caller's."""
        capabilities.keep(self.root)
        try:
            self.clear()
        finally:
            self.fabric.close()
            # the last resort of a test that went wrong: guests outlive everything else
            processes.kill_folder(self.root)


def _with_volumes(xml: str, pool: str, folder: Path) -> str:
    disk = rf"<disk type='file'([^>]*>(?:(?!</disk>).)*)<source file='{re.escape(str(folder))}/([^']*)'/>"
    return re.sub(disk, rf"<disk type='volume'\1<source pool='{pool}' volume='\2'/>", xml, flags=re.DOTALL)
