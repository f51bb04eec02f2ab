"""What is said about a second copy, and what to do about it, such that nothing is lost but what only the
second copy has."""

import shlex
from collections.abc import Iterable, Iterator

from ....domain import shell
from ....fabrics.interface import HeldDisk
from .copies import Copy, shared_macs

SHOWN = 4
COPY_FIRST = "copy its disks first if you need what it wrote"


def whole(copy: Copy) -> str:
    """What it is, and what to do about it."""
    return f"{_what(copy)} {what_to_do(copy)}"


def what_to_do(copy: Copy) -> str:
    quoted = shell.arguments(copy.machine.name)
    if not copy.hosted:
        is_on = copy.machine.power.is_on
        return f"Switch it off where it stands ({COPY_FIRST})." if is_on else "Leave it off."
    if copy.is_nothing_else:
        return " ".join(_as_a_whole(copy, quoted))
    detached = [_detached(copy, each, quoted) for each in (*copy.written, *copy.later)]
    if copy.above:
        detached.append(_meant(copy, quoted))
    if copy.written or copy.later:
        detached.append(f"{copy.machine.name} stays as it is otherwise. Never remove the file{_why(copy)}.")
    return " ".join(detached)


def _what(copy: Copy) -> str:
    name, other = (
        f"{copy.machine.name} ({copy.machine.fabric_id})",
        "while the machine runs at the other site",
    )
    stood = "disks that the replica stands on" if copy.left.stood_on else "the machine's old disks"
    is_on = copy.machine.power.is_on
    if copy.written:
        return f"{name} is on at this site: it writes on {stood} ({_paths(copy.written)}), {other}."
    if copy.above:
        what = (
            f"disks above {stood.replace('disks that', 'those that')} ({_paths(copy.above)}), with the "
            f"machine's {_identity(copy)}"
        )
        told = "is on at this site, on" if is_on else "is defined at this site on"
        return (
            f"{name} {told} {what}: {'two copies run' if is_on else 'a start would make two copies'}. No "
            "point is damaged by it."
        )
    if copy.runs:
        return f"{name} is on at this site with the machine's id, {other}: two copies run."
    on = f" on {stood} ({_paths(copy.later)})" if copy.later else ""
    return f"{name} is {'to start next time' if is_on else 'defined at this site again'}{on}, {other}."


def _identity(copy: Copy) -> str:
    shared = shared_macs(copy.holding, copy.left)
    return f"MAC address {shared[0]}" if shared else "id"


def _paths(disks: Iterable[HeldDisk]) -> str:
    named = [f"{each.key}: {each.path}" for each in disks]
    more = f", and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return ", ".join(named[:SHOWN]) + more


def _as_a_whole(copy: Copy, quoted: str) -> Iterator[str]:
    if copy.machine.power.is_on:
        yield f"Turn it off ('virsh destroy {quoted}'; {COPY_FIRST})."
    if copy.holding.stays:
        yield (
            f"Remove its definition at this site ('virsh undefine {quoted}'), and never its disks "
            f"('--remove-all-storage'){_why(copy)}."
        )
    else:
        yield f"It has no definition that stays. Never remove its disks{_why(copy)}."


def _why(copy: Copy) -> str:
    return ": the replica stands on them" if copy.left.stood_on else ""


def _meant(copy: Copy, quoted: str) -> str:
    leave = f"Turn it off ('virsh shutdown {quoted}')" if copy.machine.power.is_on else "Leave it off"
    return (
        f"{leave}, unless you mean it, as a trial of yours: then give its cards MAC addresses of their own "
        f"and an isolated network ('virsh edit {quoted}'). A test failover does that by itself."
    )


def _detached(copy: Copy, disk: HeldDisk, quoted: str) -> str:
    now = disk.now and copy.machine.power.is_on
    flags = [flag for flag, meant in (("--live", now), ("--config", disk.kept)) if meant]
    return f"Detach its disk {disk.key}: 'virsh detach-disk {quoted} {shlex.join([disk.key, *flags])}'."
