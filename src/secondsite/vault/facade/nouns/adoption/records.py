"""The record of an adopted machine, from what an appliance has of it. What is really there decides; what the
former vault said fills in the rest."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from .....domain import errors, shell
from .....domain.lifecycle import State
from .....domain.machines import adopting as domain
from .....domain.machines.adopting import ReplicaSituation
from .....wire.common.policies import PolicyShape
from .....wire.control.adopting import AdoptableMachine, AdoptableReplica, AdoptableSource, AdoptionRecord
from ....store import ApplianceRecord, MachineRecord
from .settings import Names

PolicyName = Callable[[PolicyShape | None, AdoptionRecord | None], str]
UNKNOWN = "unknown"
"""The id that an earlier release wrote for any appliance that nothing is known of: it was the same at all
sites, so an appliance that replaced one of them was sent the orders of the others."""
ANEW = "Protect it anew, or look in the appliance's log."


@dataclass(frozen=True, slots=True)
class AdoptionContext:
    """Where a machine is adopted. `at`: the appliance that has what was found; `policy`: the name that a
    policy has here."""

    at: ApplianceRecord
    names: Names
    policy: PolicyName
    now: datetime


def is_untouched(machine: MachineRecord) -> bool:
    """Whether no verb of this vault has taken the machine since it was adopted."""
    return machine.claimed_by is None and machine.job_id is None


def record(around: AdoptionContext, found: AdoptableMachine, before: MachineRecord | None) -> MachineRecord:
    """The record for what was found; the same for the same facts. Raises NotPossibleNow for what cannot be a
    machine here."""
    known = None if before is not None and overtakes(around, found, before) else before
    made = known or _new(around, found)
    source, replica = found.source, found.replica
    if source is not None and is_source(found):
        made = _with_source(around, made, source, known is not None)
    elif replica is not None and went_home(around, found):
        made = _home(made, replica)
    elif replica is not None:
        made = _with_replica(around, made, replica)
    if made.source_site == made.target_site:
        raise errors.NotPossibleNow(
            f"Both sites of {made.name} are named '{made.source_site}'.",
            do="Enroll the appliance at a site of another name: its machines came from one of that name.",
        )
    return _numbered(made, found, before)


def overtakes(around: AdoptionContext, found: AdoptableMachine, before: MachineRecord) -> bool:
    """Whether the copy here is of a later direction than all that was reported before, by an appliance that
    holds what the machine has left since. Verbs that were tried meanwhile came to nothing, or the record
    would not say that the machine is protected. Only at the machine's own sites: a report from elsewhere is
    false."""
    if before.job_id is not None or (not is_untouched(before) and before.state is not State.PROTECTED):
        return False
    if found.source is not None and is_source(found):
        epoch = found.source.epoch
    elif found.replica is not None and found.replica.points:
        epoch = found.replica.epoch
    else:  # only prepared: the machine may never have been replicated to it
        return False
    return epoch > before.epoch and around.at.site in (before.source_site, before.target_site)


def _numbered(made: MachineRecord, found: AdoptableMachine, before: MachineRecord | None) -> MachineRecord:
    """The record with a number above all that were seen, and above that of the record which it replaces."""
    former = before or made
    return replace(
        made,
        version=former.version,
        generation=domain.number(made.generation, max(found.generation, former.generation)),
        drill_generation=domain.number(
            made.drill_generation, max(found.drill_generation, former.drill_generation)
        ),
    )


def _new(around: AdoptionContext, found: AdoptableMachine) -> MachineRecord:
    """A new record, with the sides as they were reported; an unknown side is only a name."""
    if found.definition is None:
        raise errors.NotPossibleNow(
            f"Machine {found.name} is not known: it has no recovery point that can be read.", do=ANEW
        )
    kept, named = found.kept, around.names
    here, there = around.at.site, named.other
    runs_here = is_source(found)
    source_site = named.site(kept.source_site) if kept else (here if runs_here else there)
    target_site = named.site(kept.target_site) if kept else (there if runs_here else here)
    return MachineRecord(
        id=found.id,
        name=kept.name if kept else found.name,
        home_site=named.site(kept.home_site) if kept else (here if runs_here else there),
        source_site=source_site,
        target_site=target_site,
        source_appliance_id=_side(
            kept.source_appliance_id if kept else found.source_appliance_id, source_site
        ),
        target_appliance_id=_side(kept.target_appliance_id if kept else _target(found), target_site),
        source_fabric_id=kept.source_fabric_id if kept else found.definition.fabric_id,
        target_fabric_id=kept.target_fabric_id if kept else _fabric_id(found.id),
        policy=around.policy(found.policy, kept),
        definition=found.definition,
        disks=found.disks,
        state=State.PROTECTED,
        created_at=kept.created_at if kept else around.now,
        group=kept.group if kept else None,
        encrypted=kept.encrypted if kept else bool(found.replica and found.replica.key_id),
        keeping={named.site(site): each for site, each in kept.keeping.items()} if kept else {},
        drilled_at=kept.drilled_at if kept else None,
        drill_failed_at=kept.drill_failed_at if kept else None,
    )


def is_source(found: AdoptableMachine) -> bool:
    source, replica = found.source, found.replica
    return domain.is_source(source.epoch if source else None, replica.epoch if replica else None)


def _target(found: AdoptableMachine) -> str | None:
    return found.source.target_appliance_id if found.source else None


def _side(appliance_id: str | None, site: str) -> str:
    return unknown_at(site) if appliance_id is None or appliance_id == UNKNOWN else appliance_id


def unknown_at(site: str) -> str:
    """The id that stands for an unknown appliance of that site. Nothing can enroll under it (APPLIANCE_ID)
    except with a key of the site that replaces it."""
    return f"{uuid.uuid5(uuid.NAMESPACE_OID, site).hex}-{UNKNOWN}"


def is_unknown(appliance_id: str) -> bool:
    return appliance_id.rpartition("-")[2] == UNKNOWN


def _fabric_id(machine_id: str) -> str:
    """The id for the record at the hypervisor: always the same for the same machine."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, machine_id))


def _with_source(
    around: AdoptionContext, made: MachineRecord, source: AdoptableSource, is_known: bool
) -> MachineRecord:
    """The record with what its source says. The source knows best where it replicates to, unless the other
    side has reported."""
    if not is_known:
        made = _turned(made) if made.target_site == around.at.site else made
        made = replace(made, target_appliance_id=_side(source.target_appliance_id, made.target_site))
    return replace(
        made,
        source_site=around.at.site,
        source_appliance_id=around.at.id,
        source_fabric_id=source.fabric_id,
        epoch=source.epoch,
    )


def _turned(made: MachineRecord) -> MachineRecord:
    """Exchange the sides: the former vault's record is from before its last reprotect."""
    return replace(
        made,
        source_site=made.target_site,
        source_appliance_id=made.target_appliance_id,
        source_fabric_id=made.target_fabric_id,
        target_site=made.source_site,
        target_appliance_id=made.source_appliance_id,
        target_fabric_id=made.source_fabric_id,
    )


def require_present(made: MachineRecord, found: AdoptableMachine) -> None:
    """Raises NotPossibleNow for what an earlier direction left: a verb that took it for the present one would
    stop the machine where it runs now."""
    if found.source is not None and is_source(found):
        epoch, do = found.source.epoch, _old_copy(found.source)
    elif found.replica is not None:
        epoch, do = found.replica.epoch, "Its files stay as they are."
    else:
        return
    if epoch < made.epoch:
        raise errors.NotPossibleNow(
            f"The copy of {made.name} here is of its epoch {epoch}, an earlier direction: since then it is "
            f"replicated from {made.source_site} to {made.target_site}, in its epoch {made.epoch}.",
            do=(
                f"{do} For where it runs and its recovery points are now see 'secondsite machine show "
                f"{shell.arguments(made.name)}'."
            ),
        )


def _old_copy(source: AdoptableSource) -> str:
    return (
        f"The copy here is an old one, whose power state is {source.power}: see that it does not run. Its "
        "disks stay as they are."
    )


def went_home(around: AdoptionContext, found: AdoptableMachine) -> bool:
    """Whether the disks here were left by a machine whose failback was committed: it was failed over to here
    and committed, was replicated from here afterwards, and no longer is; only that commit removes it."""
    replica, kept = found.replica, found.kept
    if found.source is not None or replica is None or replica.committed_point_id is None or kept is None:
        return False
    is_defined = replica.run is not None and replica.run.defined
    return not is_defined and around.names.site(kept.source_site) == around.at.site


def _home(made: MachineRecord, replica: AdoptableReplica) -> MachineRecord:
    """The record of a machine that runs at home again; the disks here are kept for the next reprotect."""
    return replace(
        made,
        epoch=replica.epoch + 1,
        state=State.COMMITTED,
        failed_over_point_id=made.failed_over_point_id or replica.committed_point_id,
        failed_over_at=made.failed_over_at or made.created_at,
        start_ordered=True,
    )


def _with_replica(around: AdoptionContext, made: MachineRecord, replica: AdoptableReplica) -> MachineRecord:
    """The record with what its replica says."""
    run, point_id = replica.run, replica.committed_point_id
    standing = ReplicaSituation(point_id is not None, run is not None, run is not None and run.defined)
    state = domain.state_of(standing)
    made = _turned(made) if made.source_site == around.at.site != made.target_site else made
    made = replace(
        made,
        target_site=around.at.site,
        target_appliance_id=around.at.id,
        target_fabric_id=(run.fabric_id if run else None) or made.target_fabric_id,
        epoch=replica.epoch,
        state=state,
    )
    if state is State.PROTECTED:
        return replace(made, failed_over_point_id=None, failed_over_forward=None, start_ordered=False)
    return replace(
        made,
        failed_over_point_id=point_id or (run.point_id if run else None),
        failed_over_forward=run.forward if run else None,
        failed_over_at=made.failed_over_at or around.now,
        start_ordered=True,
    )
