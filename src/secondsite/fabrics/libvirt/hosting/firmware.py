"""Reads and writes UEFI variables and the state of an emulated TPM, where libvirt keeps them.

The variables are one file that the definition names. swtpm keeps a machine's TPM in a folder below libvirt's
own, named by the machine's UUID; libvirt makes a fresh TPM only if that folder is missing (qemu_tpm.c,
qemuTPMEmulatorCreateStorage).
"""

import os
import pwd
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from ....domain import errors
from ... import firmware_files, interface
from ..host import connection, domain_xml, inventory

NVRAM = "nvram"
TPM = "tpm/"
CONFIGURED = re.compile(r'^\s*swtpm_user\s*=\s*"([^"]+)"', re.MULTILINE)


class Firmware:
    """Reads the firmware state of machines; changes nothing."""

    def __init__(self, hypervisor: connection.Hypervisor) -> None:
        self._hypervisor = hypervisor

    def read(self, fabric_id: str) -> Mapping[str, bytes]:
        return read(self._hypervisor, self._hypervisor.domain(fabric_id))


def read(hypervisor: connection.Hypervisor, domain: Any) -> dict[str, bytes]:
    """The firmware state of a machine; raises FabricError."""
    root = domain_xml.parse(inventory.live_xml(domain))
    try:
        files = dict(_files(hypervisor, root))
    except OSError as problem:
        raise errors.FabricError(
            f"The TPM's state of '{domain.name()}' cannot be read: {problem}.",
            do="Give the appliance's user the right to read it.",
        ) from problem
    found = firmware_files.read(files, domain.name())
    if NVRAM in files and NVRAM not in found and inventory.power_of(domain) is not interface.PowerState.OFF:
        raise errors.FabricError(
            f"'{domain.name()}' runs, and its UEFI variables are not at {files[NVRAM]}.",
            do="Let the appliance see the file that the definition names.",
        )
    return found


def place(hypervisor: connection.Hypervisor, root: Element, files: Mapping[str, bytes]) -> None:
    """Write the files to where the machine with this definition, which does not exist yet, will read them."""
    if NVRAM in files and (path := _nvram(hypervisor, root)) is not None:
        firmware_files.place(files[NVRAM], path)
    folder = _tpm_folder(hypervisor, root)
    if folder is None:
        return
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier machine of this id
    owner = _swtpm_owner(hypervisor)
    kept = {name.removeprefix(TPM): data for name, data in files.items() if name.startswith(TPM)}
    if kept:
        _make_passable(folder.parent)
    for name, data in kept.items():
        firmware_files.place(data, folder / name, owner)
    if kept and owner is not None:
        os.chown(folder, *owner)


def _make_passable(folder: Path) -> None:
    """Give a folder the permissions that libvirt gives a machine's folder and the one above: swtpm runs as
    another user, which could not pass a folder that belongs to the appliance."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder.parent, folder):
        each.chmod(stat.S_IMODE(each.stat().st_mode) | 0o011)


def _files(hypervisor: connection.Hypervisor, root: Element) -> Iterator[tuple[str, Path]]:
    nvram = _nvram(hypervisor, root)
    if nvram is not None:
        yield NVRAM, nvram
    folder = _tpm_folder(hypervisor, root)
    for path in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
        # Without the volatile state, which is for memory snapshots, and the lock file.
        if path.is_file() and not path.name.startswith(".") and "volatilestate" not in path.name:
            yield TPM + path.name, path


def _nvram(hypervisor: connection.Hypervisor, root: Element) -> Path | None:
    """The file of the variables; raises FabricError if they are not in a file."""
    nvram = root.find("os/nvram")
    if nvram is None:
        return _chosen_by_libvirt(hypervisor, root)
    source = nvram.find("source")
    path = (nvram.text or "").strip() or (source.get("file") if source is not None else None)
    if path is None and source is not None:
        raise errors.FabricError(
            f"The UEFI variables of '{root.findtext('name')}' are not a file but a {nvram.get('type')}.",
            do="Keep them in a file, or set them again after a failover.",
        )
    return Path(path) if path else None


def _chosen_by_libvirt(hypervisor: connection.Hypervisor, root: Element) -> Path | None:
    """Where libvirt keeps the variables of a machine whose firmware it picks at each start: only the
    definition of a running one names the file (qemu_domain.c, qemuDomainNVRAMPathFormat)."""
    boot = root.find("os")
    if boot is None or boot.get("firmware") != "efi":
        return None
    return _folder(hypervisor, "nvram") / f"{root.findtext('name')}_VARS.fd"


def _tpm_folder(hypervisor: connection.Hypervisor, root: Element) -> Path | None:
    backend = root.find("devices/tpm/backend")
    if backend is None or backend.get("type") != "emulator":
        return None
    version = "tpm1.2" if backend.get("version") == "1.2" else "tpm2"
    return _folder(hypervisor, "swtpm") / root.findtext("uuid", "") / version


def _folder(hypervisor: connection.Hypervisor, kind: str) -> Path:
    """libvirt's folder of all machines' variables or TPMs (qemu_conf.c: nvramDir, swtpmStorageDir)."""
    if hypervisor.uri.endswith("/session"):
        return Path.home() / ".config" / "libvirt" / "qemu" / kind
    root = hypervisor.embedded_root
    library = Path("/var/lib/libvirt") if root is None else root / "lib"
    return library / ("swtpm" if kind == "swtpm" else "qemu/nvram")


def _swtpm_owner(hypervisor: connection.Hypervisor) -> tuple[int, int] | None:
    """The user that swtpm runs as: the configured one, else tss; None if it is ours."""
    if os.geteuid() != 0:
        return None
    settings = (hypervisor.embedded_root or Path("/")) / "etc" / "qemu.conf"
    if hypervisor.embedded_root is None:
        settings = Path("/etc/libvirt/qemu.conf")
    configured = CONFIGURED.search(settings.read_text()) if settings.exists() else None
    name = configured.group(1) if configured else "tss"
    try:
        user = pwd.getpwuid(int(name[1:])) if name.startswith("+") else pwd.getpwnam(name)
    except KeyError:
        return None
    return user.pw_uid, user.pw_gid
