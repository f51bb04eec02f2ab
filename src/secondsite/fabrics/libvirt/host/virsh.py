"""The program with which processes that outlive us reach a libvirtd."""

import shutil

from ....domain import errors

PROGRAM = "virsh"


def require() -> str:
    """The program's name; raises FabricError where it is not installed: a watchdog without it would do nothing."""
    if shutil.which(PROGRAM) is None:
        raise errors.FabricError(
            f"The program '{PROGRAM}' is not installed on the appliance's host. If the appliance died, nothing could end its "
            "job with the machine.",
            do="Install it (Debian: libvirt-clients); replication goes on by itself.",
        )
    return PROGRAM
