"""Which adapter serves a site's platform."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..datapath.encryption import EncryptionKey
from ..domain import errors
from ..fabrics.interface import Fabric

KINDS = ("libvirt", "simulated")


def open_fabric(
    kind: str,
    uri: str,
    work_dir: Path,
    own: Sequence[Path] = (),
    key: EncryptionKey | None = None,
    boot_folders: Sequence[Path] = (),
) -> Fabric:
    """The fabric of `kind` at `uri` (libvirt: a connection URI; simulated: a folder).

    What it must remember besides the platform itself is kept in `work_dir`; `own` are the appliance's
    folders, which a hypervisor that runs as another user may enter; `key` opens encrypted disks; kernels that
    another site's definition names are taken from `boot_folders` alone. Raises InvalidArgument for another
    kind and FabricError when the platform does not answer.
    """
    opened: Any
    if kind == "libvirt":
        from ..fabrics import libvirt

        opened = libvirt.open_fabric(uri, work_dir, own, key, boot_folders)
    elif kind == "simulated":
        from ..fabrics import simulated

        opened = simulated.open_fabric(Path(uri), key=key)
    else:
        raise errors.InvalidArgument(f"There is no fabric '{kind}'.", do=f"Use one of: {', '.join(KINDS)}.")
    fabric: Fabric = opened
    return fabric
