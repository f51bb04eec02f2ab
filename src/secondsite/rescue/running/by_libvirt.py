"""A machine as libvirt has it."""

from __future__ import annotations

from . import domain, qemu
from .virsh import Virsh
from .wanted import Start, folder, uuid_of


def run(start: Start, uri: str) -> str:
    """The end of a sentence. Raises Problem."""
    virsh, replica, macs = Virsh(uri), start.replica, start.replica.start.get("macs") or {}
    place = domain.Files(
        disks=start.disks,
        chains=start.chains,
        key_id=replica.key_id if start.key else None,
        variables=qemu.variables(folder(replica), start.variables)
        if "nvram" in start.point.firmware
        else None,
        networks={
            str(macs.get(nic["key"]) or nic["mac"]).lower(): start.networks[nic["key"]]
            for nic in start.point.nics
        },
    )
    definition = domain.placed(str(replica.start["xml"]), place)
    if start.key is not None:
        virsh.tell(str(replica.key_id), start.key)
    virsh.start(uuid_of(replica), definition)
    return f" by libvirt ({uri})" + "".join(f"; {each}" for each in start.without)
