"""Which names machines have, or will have, at a site. Names that a file system or a person may confuse count
as one."""

from collections.abc import Iterator

from ....domain import errors
from ....wire.common.properties import TargetProperties
from ...steps.sides.target import boot_name, drill_name
from ...store import MachineRecord, Transaction


def require_settable(tx: Transaction, machine: MachineRecord, wanted: TargetProperties) -> None:
    """Raises InvalidArgument if the name that the machine is to have at its second site is taken."""
    name, site = wanted.target_name or machine.name, second_site(machine)
    if name.lower() == drill_name(machine).lower():
        raise errors.InvalidArgument(
            f"'{name}' is the name of {machine.name} in a test failover.", do="Give another name."
        )
    set_names = _set_names(tx)
    for other in tx.machines.list():
        theirs_set = set_names.get(other.id)
        if other.id == machine.id or (wanted.target_name is None and theirs_set is None):
            continue  # their names at home are the same, without any setting
        _require_other(machine.name, name, site, other, theirs_set)


def require_free(tx: Transaction, machine: MachineRecord, name: str, site: str) -> None:
    """Raises InvalidArgument if a machine has the name at the site, or is to have it there: the machine
    itself, too, of which a copy is to be named so."""
    set_names = _set_names(tx)
    for other in tx.machines.list():
        _require_other(f"A copy of {machine.name}", name, site, other, set_names.get(other.id))


def _set_names(tx: Transaction) -> dict[str, str | None]:
    return {each.machine_id: each.properties.target_name for each in tx.properties.list()}


def _require_other(whose: str, name: str, site: str, other: MachineRecord, own: str | None) -> None:
    for theirs, why in _names(other, own, site):
        if theirs.lower() == name.lower():
            raise errors.InvalidArgument(
                f"{whose} cannot be '{name}' at {site}: {why}.",
                do="Give another name, or change that one.",
            )


def _names(other: MachineRecord, own: str | None, site: str) -> Iterator[tuple[str, str]]:
    """The names of the other machine at the site, each with the reason."""
    if site == second_site(other):
        yield own or other.name, f"{other.name} has that name there after a failover"
    elif site in (other.source_site, other.target_site):
        yield other.name, f"{other.name} is at home there"
    if site == other.target_site:  # also while it is protected back
        yield drill_name(other), f"{other.name} has that name there in a test failover"
        yield boot_name(other), f"{other.name} has that name there while a point of it is booted"


def second_site(machine: MachineRecord) -> str:
    """Where the machine is not at home."""
    return machine.source_site if machine.reversed else machine.target_site
