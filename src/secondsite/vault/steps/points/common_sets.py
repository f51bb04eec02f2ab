"""Which set of common points the machines of a group start from.

It is fixed when the verb is started, for all machines of the group alike: each machine's job then uses the same set,
whatever new ones arrive meanwhile.
"""

from ....domain import errors, groups, shell
from ....domain.points import APP_CHOICES, MULTI_VM_CHOICES, RecoveryPoint, RecoveryPointChoice
from ...store import MachineRecord, Transaction


def chosen_set(tx: Transaction, machine: MachineRecord, choice: RecoveryPointChoice) -> str | None:
    """The newest set that every member of the machine's group has; None for other choices, and for a machine outside
    any group. Raises NotFound when the group has none."""
    if choice not in MULTI_VM_CHOICES or machine.group is None:
        return None
    found = newest_set(tx, machine.group, choice in APP_CHOICES)
    if found is None:
        kind = "app-consistent set" if choice in APP_CHOICES else "set"
        raise errors.NotFound(
            f"The machines of group '{machine.group}' share no {kind} of recovery points.",
            do=f"Look at 'secondsite group show {shell.arguments(machine.group)}', or use latest_processed.",
        )
    return found


def newest_set(tx: Transaction, group: str, app_consistent: bool = False) -> str | None:
    """The newest set that every member has, as far as the targets have reported; None when there is none."""
    members = {member.id: _points(tx, member.id) for member in tx.groups.members(group)}
    return groups.newest_set(members, app_consistent)


def _points(tx: Transaction, machine_id: str) -> list[RecoveryPoint]:
    replica = tx.statuses.get(machine_id).replica
    return [point.to_domain() for point in replica.points] if replica else []
