"""Looks up the participants of a verb: sites, their appliances, and the machine that a person named."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...domain import errors, health, policies
from ...domain.lifecycle import State
from ...domain.machines import platforms
from ...wire.common.machines import DiscoveredMachine, MachineDefinition, PowerState
from ...wire.control.orders import Inventory
from ...wire.control.statuses import ReplicaStatus
from ..store import ApplianceRecord, MachineRecord, StatusRecord, Transaction


def redefined(status: StatusRecord) -> str:
    """What its site reported last of a machine that came home and was defined on other disks than it came
    home with; empty if nothing."""
    told = status.replica.findings if status.replica is not None else ()
    return next((each.what for each in told if each.code == health.REDEFINED), "")


def refuse_same_site(source: str, target: str) -> None:
    if source == target:
        raise errors.InvalidArgument(
            f"Source and target are both site '{source}'.",
            do="Name another site with --target. Two groups of hosts at one place are two sites.",
        )


def appliances_of(tx: Transaction, site: str) -> Sequence[ApplianceRecord]:
    """The site's appliances, by name; raises NotFound naming the next command if there is none."""
    if tx.sites.find(site) is None:
        raise errors.NotFound.named("site", site)
    appliances = sorted(tx.appliances.list(site), key=lambda each: (each.name, each.id))
    if not appliances:
        raise errors.NotFound(
            f"Site '{site}' has no appliance.",
            do=f"Make a key: 'secondsite appliance create-registration-key --site {site}'.",
        )
    return appliances


def target_appliances(tx: Transaction, site: str) -> Sequence[ApplianceRecord]:
    """As `appliances_of`, for a site that will hold replicas: the error says what a target can be."""
    if tx.sites.find(site) is None:
        raise platforms.unknown_target(errors.NotFound.named("site", site))
    return appliances_of(tx, site)


def require_kind(site: str, appliances: Iterable[ApplianceRecord]) -> None:
    """Raises InvalidArgument for a site whose appliances are all of a kind that this vault does not know; if
    only some are, only these are affected."""
    kinds = [each.hello.fabric_kind if each.hello is not None else None for each in appliances]
    if not any(map(platforms.is_known, kinds)):
        platforms.require(site, kinds[0])


def appliance_named(tx: Transaction, site: str, name_or_id: str) -> ApplianceRecord:
    """One of the site's appliances; raises NotFound, or InvalidArgument for a name that is not unique."""
    known = appliances_of(tx, site)
    found = [each for each in known if name_or_id in (each.id, each.name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(each.id for each in found)
        raise errors.InvalidArgument(
            f"Site '{site}' has {len(found)} appliances named '{name_or_id}'.", do=f"Use an id: {ids}."
        )
    raise errors.NotFound(
        f"Site '{site}' has no appliance '{name_or_id}'.",
        do=f"Its appliances are {', '.join(each.name for each in known)}.",
    )


def is_committed(machine: MachineRecord, status: StatusRecord) -> bool:
    """Whether the target has fixed the point that the failed-over machine began from: its commit may have
    been interrupted."""
    points = status.replica.points if status.replica else ()
    return any(point.committed and point.id == machine.failed_over_point_id for point in points)


def is_behind(machine: MachineRecord, replica: ReplicaStatus | None) -> bool:
    """Whether the record is from before a failover, as in a vault that was restored: otherwise nothing runs
    at the target of a machine whose start the vault has not ordered."""
    if machine.state is not State.PROTECTED or machine.start_ordered or replica is None:
        return False
    return "failover" in replica.runs and replica.epoch == machine.epoch


def epochs_behind(machine: MachineRecord, status: StatusRecord) -> int:
    """By how many epochs the record of a machine at rest is older than what replicates it, as in a vault that
    was restored from before the machine was moved, and protected anew there; 0: it is not."""
    at_rest = machine.state is State.PROTECTED and machine.job_id is None and not machine.start_ordered
    if not at_rest or status.source is None:
        return 0
    return max(0, status.source.epoch - machine.epoch)


def is_forgotten(machine: MachineRecord, status: StatusRecord) -> bool:
    """Whether the appliance of its target reports, after the machine was started there, that nothing runs on
    its replica, as one does whose store was put back. After a committed failback there is no replica any
    more."""
    replica, heard_at, since = status.replica, status.replica_at, machine.failed_over_at
    if replica is None or heard_at is None or since is None or heard_at <= since:
        return False
    if machine.reversed and State.COMMITTED in (machine.state, machine.came_from):
        return False
    stands = "failover" in replica.runs or any(point.committed for point in replica.points)
    return replica.epoch == machine.epoch and not stands


def data_addresses(tx: Transaction, appliance_id: str) -> tuple[str, ...]:
    """Where the appliance's data port can be reached; raises ApplianceUnreachable if it never said hello."""
    appliance = tx.appliances.find(appliance_id)
    if appliance is None or appliance.hello is None:
        name = appliance.name if appliance else appliance_id
        raise errors.ApplianceUnreachable(f"The appliance '{name}' has never been connected.")
    return appliance.hello.data_addresses


def merged(inventories: Iterable[Inventory]) -> Inventory:
    """The machines that several appliances see, each once: as the appliance sees it where it runs."""
    seen = list(inventories)
    machines = sorted(
        (machine for found in seen for machine in found.machines), key=lambda m: m.power is PowerState.RUNNING
    )
    by_id = {machine.fabric_id: machine for machine in machines}
    networks = {network.name: network for found in seen for network in found.networks}
    return Inventory(
        machines=tuple(sorted(by_id.values(), key=lambda machine: (machine.name, machine.fabric_id))),
        networks=tuple(sorted(networks.values(), key=lambda network: network.name)),
    )


def has(inventory: Inventory, name: str) -> bool:
    """Whether a machine there has that name or id."""
    return any(name in (each.fabric_id, each.name) for each in inventory.machines)


def find_machine(inventory: Inventory, name: str, site: str) -> DiscoveredMachine:
    """The machine by its fabric id or name; raises NotFound, or InvalidArgument for a name that is not
    unique."""
    found = [m for m in inventory.machines if name in (m.fabric_id, m.name)]
    if len(found) > 1:
        raise errors.InvalidArgument(
            f"Site '{site}' has {len(found)} machines named '{name}'.",
            do="Give the machine's id instead of its name.",
        )
    if not found:
        raise errors.NotFound(
            f"Site '{site}' has no machine '{name}'.",
            do=f"See what is there with 'secondsite machine list --site {site}'.",
        )
    return found[0]


def as_described(machine: MachineRecord, found: MachineDefinition) -> MachineRecord:
    """The machine as its home describes it now, with the disks that persons decided about; as it is while it
    is away."""
    if machine.is_away:
        return machine
    definition = found.model_copy(update={"disks": machine.definition.disks})
    return machine if definition == machine.definition else replace(machine, definition=definition)


def chosen_disks(machine: DiscoveredMachine, wanted: Sequence[str]) -> tuple[str, ...]:
    """The keys of the disks to replicate, all by default; raises InvalidArgument for a disk that does not
    exist."""
    known = [disk.key for disk in machine.definition.disks]
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise errors.InvalidArgument(
            f"Machine '{machine.name}' has no disk {', '.join(unknown)}.",
            do=f"Its disks are {', '.join(known)}.",
        )
    return tuple(key for key in known if not wanted or key in wanted)


def require_policy(tx: Transaction, name: str) -> None:
    """Raises NotFound, and InvalidArgument for the failback twin of a policy, which machines get by
    themselves on the way back."""
    read_only = {policy.name: fixed for policy, fixed in tx.policies.list()}
    if name not in read_only:
        raise errors.NotFound.named("policy", name)
    if read_only[name]:
        own = policies.own_name(name, read_only)
        raise errors.InvalidArgument(
            (
                f"Policy '{name}' is for the way back: machines with policy '{own}' have it from their "
                "reprotect on."
            ),
            do=f"Give '{own}'.",
        )


def derived_id(fabric_id: str, what: str) -> str:
    """The fabric id of what is made from the machine: always the same, and different for anything else. Not
    all platforms have UUIDs as ids, nor need an id that an appliance reports be one."""
    try:
        namespace = uuid.UUID(fabric_id)
    except ValueError:
        namespace = uuid.uuid5(uuid.NAMESPACE_OID, fabric_id)
    return str(uuid.uuid5(namespace, what))
