"""Runs a machine with libvirt."""

from __future__ import annotations

import itertools
import os
import pwd
import stat
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..problems import Problem, Refused
from . import domain, qemu
from .request import Start, cards_of, folder, uuid_of
from .virsh import Virsh

MOST_OF_ANY = 22
_TOO_MANY = (
    f"Its disks are encrypted and have more than {MOST_OF_ANY} files: libvirt 10.8 to 11.10 starts no more; "
    "plain QEMU does: --qemu."
)


def run(start: Start, uri: str) -> str:
    """Start the machine; returns the end of a sentence. Raises Problem."""
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
        buses=_buses(start),
    )
    kept_ready = str(replica.start["xml"])
    definition = domain.placed(kept_ready, place)
    _require_portgroups(virsh, definition)
    files = [*itertools.chain(*start.chains.values()), *domain.variables(definition)]
    let_in(virsh.qemus_user(), replica.store, (file.parent for file in files))
    if start.key is not None:
        virsh.tell(str(replica.key_id), start.key)
    try:
        virsh.start(uuid_of(replica), definition)
    except Refused as problem:
        if max(map(len, start.chains.values()), default=0) <= MOST_OF_ANY:
            raise
        raise Refused(problem.what, f"{problem.do} {_TOO_MANY}") from problem
    came = (f"{key} came after its definition was kept ready" for key in domain.added(kept_ready, place))
    return f" by libvirt ({uri})" + "".join(f"; {each}" for each in (*came, *start.without))


def _buses(start: Start) -> Mapping[str, str]:
    """How the guest sees each disk of the point, and what stands in for others."""
    disks = start.point.definition.get("disks") or ()
    return {str(each["key"]): str(each.get("bus") or "virtio") for each in disks} | dict(start.standing.buses)


def _require_portgroups(virsh: Virsh, definition: str) -> None:
    """Raises Problem for a portgroup that is not here: libvirt would start the machine, with the card in
    another VLAN."""
    for network, portgroup in domain.portgroups(definition):
        if portgroup not in virsh.portgroups(network):
            raise Problem(
                f"The network {network} has no portgroup {portgroup} here: a card would be in another VLAN.",
                "Add it ('virsh net-edit'), or give --network CARD=NETWORK.",
            )


def _is_changed(start: Start, card: str) -> bool:
    """Whether the card's network must be changed. A card of a machine that comes home may be connected
    without a network's name, so it is changed only if another network was asked for."""
    return not start.replica.start.get("as_it_was") or card in start.ways.networks or not start.ways.connect


# QEMU's user may pass through the folders of what it opens: libvirt gives it the files, never the folders
# above them. What an appliance keeps is private. So its folders are opened for QEMU's group, just to pass;
# other folders are their owner's, and it is said which one keeps QEMU out.

HOME = "appliance.json"
"""The file by which an appliance's own folder is recognized, in which a store may be."""

User = tuple[int, int]


def let_in(user: User | None, store: Path, folders: Iterable[Path]) -> None:
    """Let QEMU, as this user and group, open files in these folders. Raises Problem."""
    if user is None or user[0] == 0 or os.geteuid() != 0:
        return
    for wanted in dict.fromkeys(Path(os.path.abspath(each)) for each in folders):
        for each in reversed((wanted, *wanted.parents)):
            if each.is_dir() and not _passes(each, user):
                _open(each, user, store, wanted)


def _open(folder: Path, user: User, store: Path, wanted: Path) -> None:
    if store.resolve() not in (folder.resolve(), *folder.resolve().parents) and not (folder / HOME).exists():
        raise Problem(
            f"QEMU's user ({user[0]}) may not enter {folder}, so it cannot open files in {wanted}.",
            f"Let it: 'chmod o+x {folder}'; or use plain QEMU: --qemu.",
        )
    os.chown(folder, -1, user[1])
    folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~0o070 | stat.S_IXGRP)


def _passes(folder: Path, user: User) -> bool:
    """Whether the user may pass through the folder, as the kernel decides it, with access lists."""
    uid, gid = user
    asked = subprocess.run(
        ["test", "-x", str(folder)], user=uid, group=gid, extra_groups=_groups(user), timeout=10, check=False
    )
    return asked.returncode == 0


def _groups(user: User) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(user[0]).pw_name, user[1])
    except KeyError:
        return [user[1]]
