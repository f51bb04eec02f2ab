"""Orders to the side that holds the replica, as several verbs need them."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...domain import errors, journal
from ...jobs.context import StepContext
from ...jobs.outcomes import Wait
from ...wire import checks, orders
from ...wire.orders import Kind
from ...wire.replication import Forward, PolicyShape
from .. import ports
from .ordering import Answer, Orders

FAILOVER_RUN = "failover"
DRILL_RUN = "drill"
START_SECONDS = 300
ROLL_SECONDS = 30 * 60
"""For a start that first applies cycles of the journal."""
DRAIN_SECONDS = 15 * 60


def policy_shape(tx: ports.Transaction, name: str) -> PolicyShape:
    """The policy as appliances want it; raises NotFound."""
    policy = tx.policies.find(name)
    if policy is None:
        raise errors.NotFound.named("policy", name)
    return PolicyShape(**{field: getattr(policy, field) for field in PolicyShape.model_fields})


def mapped_networks(tx: ports.Transaction, machine: ports.MachineRecord) -> dict[str, str | None]:
    """For each network card the network at the target: its own when the machine comes home, else the mapped one.
    None (not connected) where nothing is mapped."""
    if machine.reversed:
        return {nic.key: nic.network for nic in machine.definition.nics}
    mappings = tx.networks.list(machine.source_site, machine.target_site)
    by_name = {mapping.source_network: mapping.target_network for mapping in mappings}
    return {nic.key: by_name.get(nic.network or "") for nic in machine.definition.nics}


def drill_fabric_id(machine: ports.MachineRecord) -> str:
    """The drill's machine is another machine than the failed-over one, and always the same one for a machine."""
    return str(uuid.uuid5(uuid.UUID(machine.source_fabric_id), "secondsite-drill"))


def drill_network(machine: ports.MachineRecord) -> str:
    """The network made for the machine's drill: a Linux bridge's name has at most 15 characters."""
    return f"ss-{machine.id[:12]}"


def list_points(give: Orders, ctx: StepContext, machine: ports.MachineRecord) -> Answer | Wait:
    return give.give(
        ctx,
        machine.target_appliance_id,
        Kind.LIST_POINTS,
        orders.Nothing(),
        machine_id=machine.id,
        why=f"reading the recovery points at {machine.target_site}",
    )


def drain(give: Orders, ctx: StepContext, machine: ports.MachineRecord) -> Answer | Wait:
    """Process what was sent and seal it as a point (LATEST); what lies at the target is enough for it."""
    return give.give(
        ctx,
        machine.target_appliance_id,
        Kind.DRAIN,
        orders.Drain(seal=True),
        machine_id=machine.id,
        deadline_seconds=DRAIN_SECONDS,
        why="processing what was sent",
    )


def find_instant(give: Orders, ctx: StepContext, machine: ports.MachineRecord, at: datetime) -> Answer | Wait:
    """How the newest processed cycle at or before `at` is recovered; what was sent is processed first."""
    return give.give(
        ctx,
        machine.target_appliance_id,
        Kind.FIND_INSTANT,
        orders.FindInstant(at=at),
        machine_id=machine.id,
        deadline_seconds=DRAIN_SECONDS,
        why=f"looking for the cycle of {journal.spoken(at)} at {machine.target_site}",
    )


def accept_cycles(
    give: Orders, ctx: StepContext, machine: ports.MachineRecord, accepting: bool
) -> Answer | Wait:
    """Closing the replica's inbox is what stops replication: the source may be gone and is not needed for it."""
    return give.give(
        ctx,
        machine.target_appliance_id,
        Kind.ACCEPT_CYCLES,
        orders.AcceptCycles(accepting=accepting),
        machine_id=machine.id,
        why=f"{'opening' if accepting else 'closing'} the replica at {machine.target_site}",
    )


def start_failover_run(
    give: Orders,
    ctx: StepContext,
    machine: ports.MachineRecord,
    point_id: str,
    networks: Mapping[str, str | None],
    forward: Forward | None = None,
) -> Answer | Wait:
    payload = orders.StartReplica(
        run=FAILOVER_RUN,
        point_id=point_id,
        fabric_id=machine.target_fabric_id,
        name=machine.name,
        networks=dict(networks),
        forward=forward,
    )
    return give.give(
        ctx,
        machine.target_appliance_id,
        Kind.START_REPLICA,
        payload,
        machine_id=machine.id,
        deadline_seconds=ROLL_SECONDS if forward else START_SECONDS,
        why=f"starting {machine.name} at {machine.target_site}",
    )


def stop_run(
    give: Orders, ctx: StepContext, machine: ports.MachineRecord, run: str, fabric_id: str
) -> Answer | Wait:
    return give.give(
        ctx,
        machine.target_appliance_id,
        Kind.STOP_REPLICA,
        orders.StopReplica(run=run, fabric_id=fabric_id),
        machine_id=machine.id,
        deadline_seconds=START_SECONDS,
        why=f"stopping the {run} machine of {machine.name} at {machine.target_site}",
    )


def obstacles_of(answer: Answer) -> list[str]:
    """The blocking obstacles of a check, each as 'what (do)'."""
    found: Any = checks.Obstacles.model_validate(answer.facts).obstacles
    return [f"{each.what} {each.do}" for each in found if each.blocking]


def require_none(found: list[str], verb: str, name: str) -> None:
    """Raises PrerequisiteFailed naming every obstacle."""
    if found:
        raise errors.PrerequisiteFailed(
            f"{verb} of {name} was not started: {' | '.join(found)}",
            do="Mend what is named, then retry the job.",
        )
