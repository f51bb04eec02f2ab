"""A machine's disks and firmware state, as they are now."""

import shlex
from collections.abc import Sequence

from ...datapath.cycles import FirmwareFile, firmware
from ...domain import errors, shell
from ...domain.amounts import exact_size
from ...fabrics.interface import Fabric, MachineSummary
from . import machine_tag
from .machine import Source

FINDINGS = ("disk-not-protected", "disk-missing", "firmware-not-carried")
"""These findings stay until their cause is repaired, even if cycles succeed."""


def missing(source: Source) -> errors.NotFound:
    """The error for a machine that the hypervisor does not know."""
    return errors.NotFound(
        f"The hypervisor no longer knows {source}.",
        do="Nothing, if it was migrated to a host that has an appliance of this site. Else define it again, "
        "migrate it back, or disable its protection.",
    )


def elsewhere(source: Source) -> errors.NotFound:
    """The error for a machine whose disks somebody else writes: reading them here would be reading a live
    disk."""
    return errors.NotFound(
        f"{source} does not run here, and its disks are in use elsewhere: it was live-migrated, or another "
        "host or program has them open.",
        do="Nothing, if it was migrated to a host that has an appliance of this site. Else migrate it back, "
        "or end the other use; if it runs nowhere, start it here once.",
    )


def summary(fabric: Fabric, source: Source) -> MachineSummary:
    """The machine as it is now; raises NotFound, NotOurs if it does not carry our tag."""
    found = fabric.inventory.get(source.setup.fabric_id)
    if found is None:
        raise missing(source)
    if found.tag != source.machine_id:
        machine_tag.require(fabric, source, found.tag)
    return found


def present_disks(source: Source, found: MachineSummary) -> tuple[str, ...]:
    """The protected disks that the machine still has. Raises FabricError if none is left."""
    setup, name = source.setup, source.setup.machine_name
    sizes = {disk.key: disk.size_bytes for disk in found.definition.disks}
    attached = tuple(sizes) if found.attached is None else found.attached
    known = dict.fromkeys((*sizes, *attached))
    added = [key for key in known if key not in setup.disks and key not in setup.left_out]
    named = ", ".join(f"{key} ({exact_size(sizes[key])})" if key in sizes else key for key in added)
    _say(source, "disk-not-protected", added,
         f"{name} has {named}, which no recovery point "
         f"has.{_until_it_stops([key for key in added if key not in sizes])} To protect it: 'secondsite "
         f"machine include-disk {shell.arguments(name, options=_options(added))}'; to leave it out: "
         "'exclude-disk'.")  # fmt: skip
    gone = [key for key in setup.disks if key not in attached]
    _say(source, "disk-missing", gone,
         f"{name} no longer has {', '.join(gone)}, and neither do new recovery points. If that is intended: "
         f"'secondsite machine exclude-disk {shell.arguments(name, options=_options(gone))}'.")  # fmt: skip
    if len(gone) == len(setup.disks):
        raise errors.FabricError(
            f"{source} has none of its protected disks any more ({', '.join(gone)}).",
            do="Attach them again, or disable protection and enable it with the disks that it has.",
        )
    return tuple(key for key in setup.disks if key in attached)


def _until_it_stops(keys: list[str]) -> str:
    """A hint for disks that the machine's definition does not have: they cannot be protected."""
    if not keys:
        return ""
    return (
        f" {', '.join(keys)} is attached only until the machine stops: attach it permanently first ('virsh "
        "attach-device' with --config)."
    )


def firmware_state(fabric: Fabric, source: Source) -> tuple[FirmwareFile, ...] | None:
    """The firmware state as a cycle carries it; None if it cannot be read: the target then keeps the last
    one."""
    try:
        found = fabric.firmware.read(source.setup.fabric_id)
        packed = firmware.pack(found, source.progress.firmware.values())
    except errors.SecondsiteError as error:
        source.findings.add("firmware-not-carried", f"{error.message} {error.do}")
        return None
    source.findings.clear("firmware-not-carried")
    return packed


def is_as_acknowledged(fabric: Fabric, source: Source) -> bool:
    """Whether the firmware state is what the target has."""
    found = firmware_state(fabric, source)
    return found is not None and {file.name: file.sha256 for file in found} == source.progress.firmware


def _options(keys: Sequence[str]) -> str:
    return "".join(f" --disk {shlex.quote(key)}" for key in keys)


def _say(source: Source, code: str, about: Sequence[str], what: str) -> None:
    if about:
        source.findings.add(code, what)
    else:
        source.findings.clear(code)
