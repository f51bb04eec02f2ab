"""Machines on QEMU/KVM through libvirt.

`qemu:///embed?root=DIR` needs no daemon; `qemu:///system` and remote URIs use a host's own libvirt.
"""

import os
from collections.abc import Sequence
from pathlib import Path

# libvirt reads this when it is loaded; otherwise its driver warns at each start of a guest that root runs it.
os.environ.setdefault("LIBVIRT_DEBUG", "error")

from ...datapath.encryption import EncryptionKey
from .fabric import LibvirtFabric
from .tracking import AUTOMATIC


def open_fabric(
    uri: str,
    work_dir: Path,
    own: Sequence[Path] = (),
    key: EncryptionKey | None = None,
    boot_folders: Sequence[Path] = (),
    view_kind: str = AUTOMATIC,
) -> LibvirtFabric:
    """The fabric at `uri`. Files that must outlive this process are in `work_dir`; QEMU gets access to it and
    to the folders `own`. `key` opens encrypted disks. A definition of another site may name kernels in
    `boot_folders`. `view_kind` is how views of running machines are frozen where their QEMU can:
    "automatic", "backup-job", or "filter".

    It connects at first use, so a hypervisor that is down is not an error yet. A process can have only one
    embedded root."""
    return LibvirtFabric(uri, work_dir, own, key, boot_folders, view_kind)


__all__ = ["LibvirtFabric", "open_fabric"]
