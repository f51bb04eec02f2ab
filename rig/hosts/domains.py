"""Domains that sit in their firmware: they run, write nothing, and cost little."""

import uuid
from collections.abc import Sequence
from pathlib import Path

OVMF = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")


def firmware_xml(
    name: str, paths: Sequence[Path], *, kind: str = "qemu", extra: str = "", form: str = "qcow2"
) -> str:
    """A machine with these disks, emulated unless `kind` says kvm; `extra` are more devices."""
    disks = "".join(
        f"<disk {place(path)[0]} device='disk'><driver name='qemu' type='{form}' discard='unmap'/>"
        f"{place(path)[1]}<target dev='vd{chr(97 + number)}' bus='virtio'/></disk>"
        for number, path in enumerate(paths)
    )
    return f"""<domain type='{kind}'><name>{name}</name><uuid>{uuid.uuid4()}</uuid>
      <memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>
      <features><acpi/></features><on_crash>destroy</on_crash>
      <devices>{disks}{extra}<memballoon model='none'/></devices></domain>"""


def place(path: Path) -> tuple[str, str]:
    """How a definition names a disk in a file, or on a block device: its kind, and its source."""
    if path.is_block_device():
        return "type='block'", f"<source dev='{path}'/>"
    return "type='file'", f"<source file='{path}'/>"


def uefi_xml(name: str, paths: Sequence[Path], variables: Path, extra: str = "", form: str = "qcow2") -> str:
    """A machine that sits in OVMF, which needs more memory than a BIOS."""
    boot = f"<loader readonly='yes' type='pflash'>{OVMF}</loader><nvram>{variables}</nvram></os>"
    return firmware_xml(name, paths, extra=extra, form=form).replace("</os>", boot).replace(">16<", ">128<")
