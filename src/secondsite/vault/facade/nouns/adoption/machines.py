"""The plan for adopting one machine, and carrying it out."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .....domain import errors, shell
from .....domain.policies import ReplicationPolicy
from .....wire.common.base import MACHINE_ID
from .....wire.common.policies import PolicyShape
from .....wire.common.stores import Placement
from .....wire.control.adopting import Adopt, AdoptableMachine, AdoptionRecord
from .....wire.control.setups import ReplicaSetup
from .....wire.rest.adoption import AdoptedMachine, AdoptionEnd
from ....store import (
    ApplianceRecord,
    MachineChecksRecord,
    MachineHooksRecord,
    MachinePropertiesRecord,
    MachineRecord,
    MachineSettingsRecord,
    Transaction,
)
from . import advice, records, settings
from .records import AdoptionContext

DEFAULT = "default"
LONGEST_ID = 64
"""The longest machine id that a vault can keep."""
ODD = errors.InvalidArgument(
    "No machine has such an id.",
    do="Check what is in the appliance's store, and whether somebody else controls the appliance.",
)


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """The plan for one machine. `made`: the record that it will get; None if it stays as it is, or is left
    out. `before`: the record that it has."""

    found: AdoptableMachine
    told: AdoptedMachine
    made: MachineRecord | None = None
    before: MachineRecord | None = None

    @property
    def asks(self) -> Adopt:
        """The order for its appliance."""
        assert self.made is not None
        return Adopt(setup=_setup(self.made, self.found))


def planned(tx: Transaction, around: AdoptionContext, found: AdoptableMachine) -> PlannedRecord:
    """The plan for a machine; changes nothing."""
    if not re.fullmatch(MACHINE_ID, found.id) or len(found.id) > LONGEST_ID:
        return PlannedRecord(found, advice.left(found, None, ODD))
    before = tx.machines.by_id(found.id)
    try:
        overtakes = before is not None and records.overtakes(around, found, before)
        if before is not None and not overtakes and not records.is_untouched(before):
            return PlannedRecord(found, advice.here(before, found), before=before)
        if before is not None and records.went_home(around, found) and _is_source(around, before):
            return PlannedRecord(found, advice.here(before, found), before=before)
        if found.problem is not None:
            raise errors.ReplicaError(found.problem, do="Look in the appliance's log.")
        _require_protected(around, found)
        if before is not None and not overtakes:
            records.require_present(before, found)
            _require_its_side(tx, around, found, before)
        made = records.record(around, found, before)
        _require_alone(tx, made)
        _require_at_their_sites(tx, made)
        made = _in_its_group(tx, made)
    except errors.SecondsiteError as problem:
        return PlannedRecord(found, advice.left(found, before, problem), before=before)
    if before == made:
        return PlannedRecord(found, advice.here(before, found), before=before)
    end = AdoptionEnd.ADOPTED if before is None else AdoptionEnd.COMPLETED
    if records.went_home(around, found):
        old: Iterable[str] = (advice.WENT_HOME,)
    else:
        old = advice.overtaken(tx, around.at, before, made) if before is not None and overtakes else ()
    return PlannedRecord(found, advice.adopted(made, found, end, old), made, before)


def write(tx: Transaction, around: AdoptionContext, plan: PlannedRecord) -> Iterator[str]:
    """Write the plan's record; gives a sentence for each site and appliance that was created as a name for
    it."""
    made = plan.made
    assert made is not None
    sides = ((made.source_appliance_id, made.source_site), (made.target_appliance_id, made.target_site))
    for appliance_id, site in sides:
        yield from settings.site(tx, site, around.now)
        yield from settings.appliance(tx, appliance_id, site, around.names, around.now)
    yield from _put_policy(tx, around, made.policy, plan.found)
    if made.group is not None and tx.groups.find(made.group) is None:
        made = replace(made, group=None)
    if plan.before is None:
        tx.machines.add(made)
    else:
        tx.machines.put(made)
    if plan.before is None or records.overtakes(around, plan.found, plan.before):
        _put_settings(tx, made.id, plan.found.kept)


def _is_source(around: AdoptionContext, before: MachineRecord) -> bool:
    return before.source_appliance_id == around.at.id


def _require_protected(around: AdoptionContext, found: AdoptableMachine) -> None:
    """Raises NotPossibleNow for a replica that the former vault no longer protected: its files are left to
    their owner."""
    lies = found.replica is not None and not found.replica.opened
    if lies and found.kept is None and around.names.said:
        raise errors.NotPossibleNow(
            f"The former vault did not protect {found.name} any more.",
            do=("Its files stay as they are. The machine cannot be adopted; protect it again where it runs."),
        )


def _require_its_side(
    tx: Transaction, around: AdoptionContext, found: AdoptableMachine, before: MachineRecord
) -> None:
    """Raises AlreadyExists for a side of the machine that another appliance has reported already: one of the
    two has a copy of the other's store, or its report is false."""
    side, site, appliance_id = (
        ("it is replicated from", before.source_site, before.source_appliance_id)
        if records.is_source(found)
        else ("its replica is at", before.target_site, before.target_appliance_id)
    )
    known = tx.appliances.find(appliance_id)
    is_away = known is None or known.last_seen_at is None
    is_free = is_away and (records.is_unknown(appliance_id) or site == around.at.site)
    if appliance_id != around.at.id and not is_free:
        who = f"appliance '{known.name}' of site {site}" if known else f"site {site}"
        raise errors.AlreadyExists(
            f"{before.name} is known here already: {side} {who}.",
            do="Nothing was changed. If the known one is wrong, see 'secondsite machine show "
            f"{before.id}', and end that first: "
            f"'secondsite machine disable-protection {before.id}'.",
        )


def _in_its_group(tx: Transaction, made: MachineRecord) -> MachineRecord:
    """Its former group only if that is between the same two sites: else this machine would hold up the
    others."""
    record = None if made.group is None else tx.groups.find(made.group)
    if record is None:
        return made
    both = {record.group.source_site, record.group.target_site}
    return made if both == {made.source_site, made.target_site} else replace(made, group=None)


def _require_alone(tx: Transaction, made: MachineRecord) -> None:
    """Raises AlreadyExists if the machine has been protected again meanwhile."""
    sides = ((made.source_site, made.source_fabric_id), (made.target_site, made.target_fabric_id))
    for other in (tx.machines.by_fabric_id(*side) for side in sides):
        if other is not None and other.id != made.id:
            raise errors.AlreadyExists(
                f"{made.name} has been protected again here, as {other.id}.",
                do="To adopt what it had before, end that first: 'secondsite machine disable-protection "
                f"{other.id}'. Its former points stay in the store until then.",
            )


def _require_at_their_sites(tx: Transaction, made: MachineRecord) -> None:
    """Raises AlreadyExists for an appliance that is enrolled here at another site than the machine's: it has
    the other one's id, and would get its orders."""
    sides = ((made.source_appliance_id, made.source_site), (made.target_appliance_id, made.target_site))
    for appliance_id, site in sides:
        known = tx.appliances.find(appliance_id)
        if known is None or (appliance_id == records.UNKNOWN and not is_enrolled(tx, known)):
            continue
        if known.site != site:
            raise errors.AlreadyExists(
                (
                    f"{made.name} is known to the appliance '{appliance_id}' of site {site}, and here "
                    f"'{known.name}' of site {known.site} has that id."
                ),
                do="If it is the same, under another name of its site, adopt it first: 'secondsite vault "
                f"adopt {shell.arguments(known.name)}'. If it has taken an id that is not its own, delete "
                f"it: 'secondsite appliance delete {appliance_id}'. Then adopt again.",
            )


def is_enrolled(tx: Transaction, known: ApplianceRecord) -> bool:
    """Whether the appliance is enrolled, and not only a name that was adopted."""
    return known.last_seen_at is not None or tx.appliance_keys.find(known.id) is not None


def policy_of(tx: Transaction, names: settings.Names) -> "records.PolicyName":
    """The name that a machine's policy has here, or will have."""

    def name(shape: PolicyShape | None, kept: AdoptionRecord | None) -> str:
        policy = _policy(names, shape, kept.policy if kept else None)
        return settings.policy_name(tx, policy)

    return name


def _policy(names: settings.Names, shape: PolicyShape | None, kept: str | None) -> ReplicationPolicy:
    if kept is not None and kept in names.policies:
        return names.policies[kept]
    return shape.to_domain() if shape is not None else ReplicationPolicy(kept or DEFAULT)


def _put_policy(
    tx: Transaction, around: AdoptionContext, name: str, found: AdoptableMachine
) -> Iterator[str]:
    """Create a policy that was kept nowhere but at the machine's appliance."""
    if tx.policies.find(name) is None:
        policy = _policy(around.names, found.policy, found.kept.policy if found.kept else None)
        tx.policies.put(replace(policy, name=name))
        yield settings.policy_told(name, policy)


def _put_settings(tx: Transaction, machine_id: str, kept: AdoptionRecord | None) -> None:
    if kept is None:
        return
    if kept.cards:
        tx.settings.put(MachineSettingsRecord(machine_id, kept.cards))
    if kept.checks:
        tx.checks.put(MachineChecksRecord(machine_id, kept.checks))
    if kept.hooks:
        tx.hooks.put(MachineHooksRecord(machine_id, kept.hooks))
    if kept.properties != type(kept.properties)():
        tx.properties.put(MachinePropertiesRecord(machine_id, kept.properties))


def _setup(made: MachineRecord, found: AdoptableMachine) -> ReplicaSetup | None:
    """The setup of a replica that is only stored."""
    if found.replica is None or found.replica.opened:
        return None
    return ReplicaSetup(
        machine_id=made.id,
        machine_name=made.name,
        epoch=found.replica.epoch,
        definition=made.definition,
        disks=made.disks,
        source_appliance_id=made.source_appliance_id,
        policy=PolicyShape.of(ReplicationPolicy(DEFAULT)) if found.policy is None else found.policy,
        encrypted=made.encrypted,
        keeping=Placement(store=found.replica.store),
    )
