"""The request of a reprotect, and the machine in the roles that it will have."""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from ....domain import errors, policies, shell
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.common.stores import Placement
from ....wire.control.setups import Base
from ...store import ApplianceRecord, MachineRecord, Transaction
from .. import lookup, seeds


class ReprotectArguments(Shape):
    """Where the replica is made: on the old source's own disks, or on new ones; with another appliance of its
    site, if its id is given. `seeds` are paths by disk key."""

    location: Literal["original", "alternate"] = "original"
    store: str | None = None
    appliance_id: str | None = None
    seeds: dict[str, str] = Field(default_factory=dict)

    @property
    def to_original(self) -> bool:
        return self.location == "original"

    @property
    def base(self) -> Base:
        return Base.EXISTING if self.to_original else Base.EMPTY

    def is_elsewhere(self, machine: MachineRecord) -> bool:
        """Whether the appliance is another than the one that had the machine."""
        return self.appliance_id not in (None, machine.source_appliance_id)


def asked(tx: Transaction, request: rest.Reprotect, machine: MachineRecord) -> ReprotectArguments:
    """The arguments for a request. Raises NotFound for an appliance of another site, InvalidArgument for
    options that do not go with the old disks."""
    named = request.target_appliance
    chosen = None if named is None else _named(tx, machine, named).id
    wanted = ReprotectArguments(
        location=request.location,
        store=request.store,
        appliance_id=chosen,
        seeds=seeds.asked(request, machine.name),
    )
    if wanted.to_original:
        _refuse_without_use(tx, machine, wanted)
    else:
        seeds.require_disks(machine.name, machine.disks, wanted.seeds)
    return wanted


def _named(tx: Transaction, machine: MachineRecord, name: str) -> ApplianceRecord:
    try:
        found = lookup.appliance_named(tx, machine.source_site, name)
    except errors.NotFound as unknown:
        enroll = f"'secondsite appliance create-registration-key --site {machine.source_site}'"
        raise errors.NotFound(
            f"{unknown.message} {machine.name} is protected back to the site that it came from.",
            do=f"{unknown.do} To enroll another one there: {enroll}.",
        ) from unknown
    if found.drained_at is not None and found.id != machine.source_appliance_id:
        raise errors.NotPossibleNow(
            f"Appliance '{found.name}' is drained: nothing new is placed there.",
            do=f"Name another one, or 'secondsite appliance resume {shell.arguments(found.name)}'.",
        )
    return found


def _refuse_without_use(tx: Transaction, machine: MachineRecord, wanted: ReprotectArguments) -> None:
    if wanted.is_elsewhere(machine):
        own = tx.appliances.find(machine.source_appliance_id)
        has = f"appliance '{own.name}'" if own is not None else "an appliance that is no longer enrolled"
        raise errors.InvalidArgument(
            (
                f"The old disks of {machine.name} are with {has}: another one has none that changes could "
                "be sent to."
            ),
            do=(
                "Give '--location alternate' for a full copy to the appliance that you named, or leave the "
                "appliance out."
            ),
        )
    if wanted.seeds:
        raise errors.InvalidArgument(
            f"The old disks of {machine.name} are the copy that it is compared with: a seed is of no use.",
            do="Leave the seed out; or give '--location alternate', if the old disks are gone.",
        )


def turned(tx: Transaction, machine: MachineRecord, wanted: ReprotectArguments) -> MachineRecord:
    """The machine in its future roles, with the policy of that direction, its replica in the requested
    store."""
    now = _swapped(machine, wanted.appliance_id or machine.source_appliance_id)
    read_only = {policy.name: fixed for policy, fixed in tx.policies.list()}
    now = replace(now, policy=policies.in_force(machine.policy, read_only, now.reversed))
    if wanted.store is None and not wanted.is_elsewhere(machine):
        return now
    # a store's name has no meaning at another appliance
    kept = {site: keeping for site, keeping in now.keeping.items() if site != now.target_site}
    if wanted.store is not None:
        kept[now.target_site] = Placement(store=wanted.store)
    return replace(now, keeping=kept)


def _swapped(machine: MachineRecord, target_appliance_id: str) -> MachineRecord:
    """The machine with source and target swapped, in a new epoch."""
    return replace(
        machine,
        source_site=machine.target_site,
        target_site=machine.source_site,
        source_appliance_id=machine.target_appliance_id,
        target_appliance_id=target_appliance_id,
        source_fabric_id=machine.target_fabric_id,
        target_fabric_id=machine.source_fabric_id,
        epoch=machine.epoch + 1,
        failed_over_point_id=None,
        failed_over_forward=None,
        failed_over_at=None,
        start_ordered=False,
        coming_appliance_id=None,
    )
