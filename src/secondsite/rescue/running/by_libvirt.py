"""A machine as libvirt has it."""

from __future__ import annotations

import itertools

from ..problems import Problem
from . import domain, entering, qemu
from .request import Start, cards_of, folder, uuid_of
from .virsh import Virsh

MOST_OF_ANY = 22
_TOO_MANY = f"Its disks are encrypted and have more than {MOST_OF_ANY} files: libvirt 10.8 to 11.10 starts no more; plain QEMU does: --qemu."


def run(start: Start, uri: str) -> str:
    """The end of a sentence. Raises Problem."""
    virsh, replica, macs = Virsh(uri), start.replica, start.replica.start.get("macs") or {}
    place = domain.Files(
        disks=start.disks,
        chains=start.encrypted,
        key_id=replica.key_id if start.key else None,
        variables=qemu.variables(folder(replica), start.variables)
        if "nvram" in start.point.firmware
        else None,
        networks={
            str(macs.get(nic["key"]) or nic["mac"]).lower(): start.networks[nic["key"]]
            for nic in cards_of(replica, start.point)
            if _is_changed(start, str(nic["key"]))
        },
        as_it_was=bool(replica.start.get("as_it_was")),
    )
    definition = domain.placed(str(replica.start["xml"]), place)
    files = [*itertools.chain(*start.chains.values()), *domain.variables(definition)]
    entering.let_in(virsh.qemus_user(), replica.store, (file.parent for file in files))
    if start.key is not None:
        virsh.tell(str(replica.key_id), start.key)
    try:
        virsh.start(uuid_of(replica), definition)
    except Problem as problem:
        if max(map(len, start.chains.values()), default=0) <= MOST_OF_ANY:
            raise
        raise Problem(problem.what, f"{problem.do} {_TOO_MANY}") from problem
    return f" by libvirt ({uri})" + "".join(f"; {each}" for each in start.without)


def _is_changed(start: Start, card: str) -> bool:
    """What comes home as it was may be connected in a way that has no network's name: only what is asked for now is another one."""
    return not start.replica.start.get("as_it_was") or card in start.ways.networks or not start.ways.connect
