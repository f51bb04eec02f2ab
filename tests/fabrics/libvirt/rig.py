"""A libvirt host of its own for tests: one embedded root in this process, with hands on its guests' disks."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

import libvirt
import libvirt_qemu

from secondsite.fabrics.libvirt import LibvirtFabric, accelerator, open_fabric
from secondsite.fabrics.libvirt.connection import Connection

UNDEFINE_ALL = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)
OVMF = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
CAPABILITIES = Path(__file__).resolve().parents[3] / ".cache" / "libvirt-capabilities"


def uri_of(root):
    return f"qemu:///embed?root={root}"


def lend_capabilities(root):
    """Probing QEMU takes the driver seconds; what an earlier run found is lent to the new root."""
    if CAPABILITIES.is_dir():
        shutil.copytree(CAPABILITIES, root / "cache" / "qemu" / "capabilities", dirs_exist_ok=True)


def keep_capabilities(root):
    found = root / "cache" / "qemu" / "capabilities"
    if found.is_dir() and not CAPABILITIES.exists():
        CAPABILITIES.parent.mkdir(exist_ok=True)
        making = CAPABILITIES.with_suffix(f".{os.getpid()}")
        shutil.copytree(found, making)
        try:
            making.rename(CAPABILITIES)
        except OSError:
            shutil.rmtree(making)


class Rig:
    """Fulfils conformance.FabricUnderTest. Machines sit in their firmware; writes go through QEMU's monitor."""

    obeys_shutdown = False

    def __init__(self, root: Path, uri: str | None = None) -> None:
        self.root = root
        self.uri = uri or uri_of(root)
        self.pid_files = root / "run" / "qemu"
        self.images = root / "images"
        self.work_dir = root / "work"
        self.scratch_dir = root / "scratch"
        for folder in (self.images, self.scratch_dir):
            folder.mkdir(parents=True, exist_ok=True)
        lend_capabilities(root)
        self.connection = Connection(self.uri)
        self.fabric: LibvirtFabric = open_fabric(self.uri, self.work_dir)

    def reopen(self):
        self.fabric.close()
        self.fabric = open_fabric(self.uri, self.work_dir)

    def make_machine(self, name, disks_bytes):
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        paths = [self.make_image(f"{name}-{number}", size) for number, size in enumerate(disks_bytes)]
        return self.define(firmware_xml(name, paths))

    def make_firmware_machine(self, name, nvram):
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        variables = self.root / f"{name}.fd"
        variables.write_bytes(nvram)
        return self.define(uefi_xml(name, [self.make_image(name, 4 << 20)], variables))

    def make_image(self, name, size_bytes, *options):
        path = self.images / f"{name}.qcow2"
        qemu_img("create", "-q", "-f", "qcow2", *options, str(path), str(size_bytes))
        return path

    def define(self, xml):
        return self.connection.handle.defineXML(xml).UUIDString()

    def domain(self, fabric_id):
        return self.connection.domain(fabric_id)

    def write(self, fabric_id, disk_key, offset, data):
        number = ord(disk_key[-1]) - ord("a")
        assert disk_key.startswith("vd")
        device = f"/machine/peripheral/virtio-disk{number}/virtio-backend"
        for command in (f"write -P {data[0]:#x} {offset} {len(data)}", "flush"):
            said = self.human(fabric_id, f'qemu-io -d {device} "{command}"')
            assert "failed" not in said, said
            assert "rror" not in said, said

    def human(self, fabric_id, line):
        return libvirt_qemu.qemuMonitorCommand(self.domain(fabric_id), line, 1)

    def qmp(self, fabric_id, command, **arguments):
        line = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(libvirt_qemu.qemuMonitorCommand(self.domain(fabric_id), line, 0))

    def stands_still(self, fabric_id):
        return not self.qmp(fabric_id, "query-status")["return"]["running"]

    def resize(self, fabric_id, disk_key, size_bytes):
        self.domain(fabric_id).blockResize(disk_key, size_bytes, 1)

    def disk_path(self, fabric_id, disk_key):
        disks = self.fabric.inventory.get(fabric_id).definition.disks
        return next(Path(disk.path) for disk in disks if disk.key == disk_key)

    def kill(self, fabric_id):
        pid = (self.pid_files / f"{self.domain(fabric_id).name()}.pid").read_text()
        os.kill(int(pid), signal.SIGKILL)

    def clear(self):
        """Destroys and forgets all machines of this root; images go with the root."""
        for domain in self.connection.domains():
            self.fabric.power.stop(domain.UUIDString())
            if domain.isPersistent():
                domain.undefineFlags(UNDEFINE_ALL)

    def end(self):
        keep_capabilities(self.root)
        try:
            self.clear()
        finally:
            self.fabric.close()
            kill_qemus_of(self.root)


def kill_qemus_of(root):
    """The last resort of a test that went wrong: guests outlive everything else."""
    for pid_file in (root / "run" / "qemu").glob("*.pid"):
        if pid_file.name != "driver.pid":
            with contextlib.suppress(ValueError, OSError):
                pid = int(pid_file.read_text())
                if str(root).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)


def qemu_img(*arguments):
    return subprocess.run(
        ["qemu-img", *arguments], check=True, capture_output=True, text=True, timeout=30
    ).stdout


def firmware_xml(name, paths, *, kind="qemu", extra="", form="qcow2"):
    disks = "".join(
        f"<disk type='file' device='disk'><driver name='qemu' type='{form}' discard='unmap'/>"
        f"<source file='{path}'/><target dev='vd{chr(97 + number)}' bus='virtio'/></disk>"
        for number, path in enumerate(paths)
    )
    return f"""<domain type='{kind}'><name>{name}</name><uuid>{uuid.uuid4()}</uuid>
      <memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>
      <features><acpi/></features><on_crash>destroy</on_crash>
      <devices>{disks}{extra}<memballoon model='none'/></devices></domain>"""


def uefi_xml(name, paths, variables, extra=""):
    """A machine that sits in OVMF, which needs more memory than a BIOS."""
    boot = f"<loader readonly='yes' type='pflash'>{OVMF}</loader><nvram>{variables}</nvram></os>"
    return firmware_xml(name, paths, extra=extra).replace("</os>", boot).replace(">16<", ">128<")


__all__ = ["Rig", "accelerator"]
