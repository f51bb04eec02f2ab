"""Runs a machine as a process of plain QEMU."""

from __future__ import annotations

from typing import Any

from . import command_line, qemu
from .command_line import MachineToRun
from .request import Start, cards_of, folder, uuid_of

DEFAULT_MEMORY_BYTES = 2 * 2**30


def run(start: Start) -> str:
    """Start the machine; returns the end of a sentence. Raises Problem."""
    replica, known = start.replica, start.replica.start
    definition = {
        **start.point.definition, "nics": cards_of(replica, start.point), "disks": disks_of(start)
    }  # fmt: skip
    is_uefi = definition.get("firmware") == "uefi" or "nvram" in start.point.firmware
    wanted = MachineToRun(
        name=str(known.get("name") or replica.name),
        uuid=uuid_of(replica),
        definition=definition,
        ours=str(known.get("xml") or ""),
        disks=start.disks,
        encrypted_files={name: len(chain) for name, chain in start.encrypted.items()},
        key=start.key,
        taps=qemu.connected(start.networks, replica.id),
        macs=known.get("macs") or {},
        vcpus=int(known.get("vcpus") or definition.get("vcpus") or 1),
        memory_bytes=int(known.get("memory_bytes") or definition.get("memory_bytes") or DEFAULT_MEMORY_BYTES),
        variables=qemu.variables(folder(replica), start.variables) if is_uefi else None,
        folder=folder(replica),
        sockets=qemu.sockets(replica.id),
        emulated=start.ways.emulated,
    )
    qemu.start(wanted)
    lacks = "".join(f"; {each}" for each in (*command_line.left_out(wanted), *start.without))
    return (
        f" by plain QEMU, console {wanted.folder / 'console.log'}, screen "
        f"vnc+unix://{wanted.sockets / 'vnc'}{lacks}"
    )


def disks_of(start: Start) -> list[dict[str, Any]]:
    """The machine's disks, in the order in which its guest finds them, also those that stand in."""
    own = list(start.point.definition.get("disks") or ())
    if not start.standing.disks:
        return own
    beside = [{"key": key, "bus": bus} for key, bus in start.standing.buses.items()]
    return sorted([*own, *beside], key=lambda disk: (len(disk["key"]), disk["key"]))
