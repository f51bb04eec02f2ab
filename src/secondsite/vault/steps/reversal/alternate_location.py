"""The request of a reprotect, and the machine in the roles that it will have: back to the site that it came
from, or on to any other site of the vault."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from ....domain import errors, policies, shell
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.control.setups import Base
from ...store import ApplianceRecord, MachineRecord, Transaction
from .. import seeds
from . import further_site


class ReprotectArguments(Shape):
    """Where the replica is made: on disks that the machine left there, or on new ones; with another appliance
    of the site that it came from, or of the `site` that is given, if its id is given. `seeds` are paths by
    disk key."""

    location: Literal["original", "alternate"] = "original"
    store: str | None = None
    appliance_id: str | None = None
    site: str | None = None
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

    def is_new(self, machine: MachineRecord) -> bool:
        """Whether that is another one which has no disks of it, either."""
        return self.is_elsewhere(machine) and not self.to_original

    def goes_on(self, machine: MachineRecord) -> bool:
        """Whether it goes to another site than the one that the machine came from."""
        return self.site not in (None, machine.source_site)


def asked(tx: Transaction, request: rest.Reprotect, machine: MachineRecord) -> ReprotectArguments:
    """The arguments for a request. Raises NotFound for an appliance of no other site, NotPossibleNow for a
    machine that cannot go on to a further site, InvalidArgument for options that do not go with old disks."""
    named = request.target_appliance
    chosen = None if named is None else _named(tx, machine, named)
    wanted = ReprotectArguments(
        location=request.location,
        store=request.store,
        appliance_id=chosen.id if chosen else None,
        site=chosen.site if chosen and chosen.site != machine.source_site else None,
        seeds=seeds.asked(request, machine.name),
    )
    if wanted.goes_on(machine):
        further_site.require_able(machine, str(wanted.site))
    if wanted.to_original:
        _refuse_without_use(tx, machine, wanted)
    else:
        seeds.require_disks(machine.name, machine.disks, wanted.seeds)
    return wanted


def _named(tx: Transaction, machine: MachineRecord, name: str) -> ApplianceRecord:
    """The appliance: of the site that the machine came from, else of any but the one where it runs."""
    there = further_site.appliances(tx, machine)
    found = [each for each in there if name in (each.id, each.name)]
    found = [each for each in found if each.site == machine.source_site] or found
    if not found:
        raise _unknown(machine, name, there)
    if len(found) > 1:
        ids = ", ".join(f"{each.id} (site {each.site})" for each in found)
        raise errors.InvalidArgument(f"{len(found)} appliances are named '{name}'.", do=f"Use an id: {ids}.")
    if found[0].drained_at is not None and not further_site.has_disks(machine, found[0]):
        raise errors.NotPossibleNow(
            f"Appliance '{found[0].name}' is drained: nothing new is placed there.",
            do=f"Name another one, or 'secondsite appliance resume {shell.arguments(found[0].name)}'.",
        )
    return found[0]


def _unknown(machine: MachineRecord, name: str, there: Sequence[ApplianceRecord]) -> errors.NotFound:
    known = ", ".join(f"{each.name} (site {each.site})" for each in there) or "none"
    return errors.NotFound(
        f"No site but {machine.target_site}, where {machine.name} runs, has an appliance '{name}'.",
        do=f"Those of other sites are: {known}. To enroll another one: 'secondsite appliance "
        f"create-registration-key --site {machine.source_site}'.",
    )


def _refuse_without_use(tx: Transaction, machine: MachineRecord, wanted: ReprotectArguments) -> None:
    chosen = tx.appliances.find(wanted.appliance_id) if wanted.appliance_id is not None else None
    if chosen is not None and not further_site.has_disks(machine, chosen):
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
    now = _swapped(machine, wanted)
    read_only = {policy.name: fixed for policy, fixed in tx.policies.list()}
    now = replace(now, policy=policies.in_force(machine.policy, read_only, now.reversed))
    return replace(now, keeping=further_site.kept(machine, now, wanted.store))


def _swapped(machine: MachineRecord, wanted: ReprotectArguments) -> MachineRecord:
    """The machine with its target as its source, and as its target the former source or another site; in a
    new epoch."""
    site = wanted.site or machine.source_site
    return replace(
        machine,
        source_site=machine.target_site,
        target_site=site,
        source_appliance_id=machine.target_appliance_id,
        target_appliance_id=wanted.appliance_id or machine.source_appliance_id,
        source_fabric_id=machine.target_fabric_id,
        target_fabric_id=further_site.fabric_id(machine, site),
        epoch=machine.epoch + 1,
        failed_over_point_id=None,
        failed_over_forward=None,
        failed_over_at=None,
        start_ordered=False,
        coming_appliance_id=None,
    )
