"""Replication groups: machines with common recovery points. A machine belongs to one group at most."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from ....domain import errors, lifecycle, shell
from ....domain.groups import MOST_MEMBERS, ReplicationGroup
from ....domain.lifecycle import State
from ....wire.rest import Group, GroupChange, GroupCreate
from ...fleet import settings_push
from ...steps.points import choose_recovery_point
from ...store import GroupRecord, MachineRecord, Transaction
from ..parts import Parts
from ..shared.editions import Seen, require
from ..shared.idempotency import Once, carry_out
from . import machines

MAY_JOIN = frozenset({State.PROTECTED, State.INITIAL_REPLICATING})
FAILING_OVER = (
    frozenset(lifecycle.MOVING) | {State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.CANCEL_FAILED}
) - {State.ENABLING, State.INITIAL_REPLICATING}
"""While a member is in one of these states the group cannot change: its other members start from the group's
sets."""


class Groups:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[Group]:
        with self._parts.store.reading() as tx:
            shown = (_info(tx, record) for record in tx.groups.list())
            return [group for group in shown if self._parts.sees(group.source_site, group.target_site)]

    def show(self, name: str) -> Group:
        """One group. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _info(tx, _existing(self._parts, tx, name))

    def create(self, request: GroupCreate, once: Once | None = None) -> Group:
        """Create a group, with its first machines if any are named. Raises AlreadyExists, or what `add`
        raises."""
        group = ReplicationGroup(
            request.name, request.source_site, request.target_site,
            request.multi_vm_every_seconds, request.app_consistent,
        )  # fmt: skip
        with self._parts.changing() as tx:
            work = partial(self._create, tx, group, request.machines)
            info = carry_out(self._parts, tx, once, Group, work)
        self._tell()
        return info

    def add(self, name: str, names: Sequence[str], seen: Seen | None = None) -> Group:
        """Add machines; those that belong to the group already stay. Raises NotFound, InvalidArgument,
        NotPossibleNow, ChangedMeanwhile."""
        with self._parts.changing() as tx:
            record = _seen(self._parts, tx, name, seen)
            before = _info(tx, record)
            _join(self._parts, tx, record, names)
            info = _info(tx, record)
            self._parts.note(before, info)
        self._tell()
        return info

    def remove(self, name: str, names: Sequence[str], seen: Seen | None = None) -> Group:
        """Remove machines; their points stay as they are. Raises NotFound, NotPossibleNow,
        ChangedMeanwhile."""
        with self._parts.changing() as tx:
            record = _seen(self._parts, tx, name, seen)
            _refuse_while_failing_over(record, tx.groups.members(name))
            before = _info(tx, record)
            for machine in [machines.existing(self._parts, tx, each) for each in dict.fromkeys(names)]:
                if machine.group == name:
                    tx.machines.put(dataclasses.replace(machine, group=None))
            info = _info(tx, record)
            self._parts.note(before, info)
        self._tell()
        return info

    def update(self, name: str, request: GroupChange, seen: Seen | None = None) -> Group:
        """Change all of a group but its name and sites; members that are not named leave. Raises what `add`
        raises."""
        self._parts.does("add_to_group", "remove_from_group")
        with self._parts.changing() as tx:
            record = _seen(self._parts, tx, name, seen)
            _refuse_while_failing_over(record, tx.groups.members(name))
            before = _info(tx, record)
            changed = dataclasses.replace(
                record.group,
                multi_vm_every_seconds=request.multi_vm_every_seconds,
                app_consistent=request.app_consistent,
            )
            record = dataclasses.replace(record, group=changed)
            tx.groups.put(record)
            staying = {machines.existing(self._parts, tx, each).id for each in request.machines}
            for member in tx.groups.members(name):
                if member.id not in staying:
                    tx.machines.put(dataclasses.replace(member, group=None))
            _join(self._parts, tx, record, request.machines)
            info = _info(tx, record)
            self._parts.note(before, info)
        self._tell()
        return info

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete a group; its machines stay protected, each by itself. Raises NotFound, NotPossibleNow,
        ChangedMeanwhile."""
        with self._parts.changing() as tx:
            record = _seen(self._parts, tx, name, seen)
            members = tx.groups.members(name)
            self._parts.note(before=_info(tx, record))
            _refuse_while_failing_over(record, members)
            for machine in members:
                tx.machines.put(dataclasses.replace(machine, group=None))
            tx.groups.remove(name)
        self._tell()

    def _create(self, tx: Transaction, group: ReplicationGroup, machines: Sequence[str]) -> Group:
        tx.one_at_a_time("groups")
        both = (group.source_site, group.target_site)
        for site in both:
            if tx.sites.find(site) is None or not self._parts.sees(*both):
                raise errors.NotFound.named("site", site)
        record = GroupRecord(group.name, group, self._parts.now())
        tx.groups.add(record)
        _join(self._parts, tx, record, machines)
        info = _info(tx, record)
        self._parts.note(after=info)
        return info

    def _tell(self) -> None:
        self._parts.signals(settings_push.SITE)


def _seen(parts: Parts, tx: Transaction, name: str, seen: Seen | None) -> GroupRecord:
    tx.one_at_a_time("groups")
    record = _existing(parts, tx, name)
    require(seen, _info(tx, record), f"Group '{name}'")
    return record


def _existing(parts: Parts, tx: Transaction, name: str) -> GroupRecord:
    record = tx.groups.find(name)
    if record is None or not parts.sees(*_way(record, tx.groups.members(name))):
        raise errors.NotFound.named("group", name)
    return record


def _way(record: GroupRecord, members: Sequence[MachineRecord]) -> tuple[str, str]:
    """From which site to which its machines replicate."""
    if members:
        return members[0].source_site, members[0].target_site
    return record.group.source_site, record.group.target_site


def _join(parts: Parts, tx: Transaction, record: GroupRecord, names: Sequence[str]) -> None:
    members = list(tx.groups.members(record.name))
    _refuse_while_failing_over(record, members)
    joining = [machines.existing(parts, tx, name) for name in names]
    for machine in {each.id: each for each in joining if each.group != record.name}.values():
        _check(record, members, machine)
        members.append(tx.machines.put(dataclasses.replace(machine, group=record.name)))


def _check(record: GroupRecord, members: Sequence[MachineRecord], machine: MachineRecord) -> None:
    if machine.group is not None:
        raise errors.NotPossibleNow(
            f"{machine.name} belongs to group '{machine.group}'.",
            do=f"Take it out first: secondsite group remove {shell.arguments(machine.group, machine.name)}",
        )
    if machine.state not in MAY_JOIN:
        raise errors.NotPossibleNow(
            f"{machine.name} is {machine.state}, so it can't join a group.", do="Add it when it is protected."
        )
    way = _way(record, members)
    if (machine.source_site, machine.target_site) != way:
        raise errors.InvalidArgument(
            f"{machine.name} replicates from {machine.source_site} to {machine.target_site}, the group's "
            f"machines from {way[0]} to {way[1]}.",
            do="All machines of a group must replicate in the same direction.",
        )
    if len(members) >= MOST_MEMBERS:
        raise errors.InvalidArgument(
            f"Group '{record.name}' has {len(members)} machines.",
            do=f"A group has at most {MOST_MEMBERS}.",
        )


def _refuse_while_failing_over(record: GroupRecord, members: Iterable[MachineRecord]) -> None:
    busy = [f"{member.name} ({member.state})" for member in members if member.state in FAILING_OVER]
    if busy:
        raise errors.NotPossibleNow(
            f"Group '{record.name}' can't change now: {', '.join(busy)}.",
            do="Commit or cancel the failover first, or wait for the running job.",
        )


def _info(tx: Transaction, record: GroupRecord) -> Group:
    members = tx.groups.members(record.name)
    source_site, target_site = _way(record, members)
    newest = choose_recovery_point.newest_set(tx, record.name)
    return Group(
        name=record.name,
        source_site=source_site,
        target_site=target_site,
        multi_vm_every_seconds=record.group.multi_vm_every_seconds,
        app_consistent=record.group.app_consistent,
        created_at=record.created_at,
        machines=tuple(member.name for member in members),
        newest_set=newest,
        newest_set_at=_taken_at(tx, members, newest),
        newest_app_set=choose_recovery_point.newest_set(tx, record.name, app_consistent=True),
    )


def _taken_at(tx: Transaction, members: Sequence[MachineRecord], set_id: str | None) -> datetime | None:
    replica = tx.statuses.get(members[0].id).replica if members else None
    points = replica.points if replica and set_id else ()
    return next((point.taken_at for point in points if point.set_id == set_id), None)
