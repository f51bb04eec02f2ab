"""What to know about an adopted machine, and what to do next with it; and what no appliance has kept."""

import shlex
from collections.abc import Iterable, Iterator, Sequence

from .....domain import errors, shell
from .....domain.lifecycle import State
from .....ground.plural import counted
from .....wire.control.adopting import AdoptableMachine, AdoptableSite
from .....wire.rest.adoption import AdoptedMachine, AdoptionEnd
from ....steps.sides import pool_addresses
from ....store import ApplianceRecord, MachineRecord, Transaction
from . import settings

QEMU = "qemu"
LOST = (
    "Access tokens: each person and program gets a new one: 'secondsite token create NAME --role operator'.",
    "People who log in with a name: 'secondsite person create NAME --role operator' gives each a link; and "
    "whether they need a second factor: 'secondsite person require-second-factor'.",
    "Providers of log-ins, with their secrets: 'secondsite provider create NAME --help'.",
    "Targets of notices, with their secrets and weekly reports: 'secondsite notice set TARGET --help'.",
    "Schedules of test failovers: 'secondsite drill schedule set NAME --machine MACHINE --every 30d'.",
    "How often recovery points are booted to be looked at: 'secondsite site verify SITE --every 7d'.",
    "Which verbs need a second person: 'secondsite approval require VERB'.",
    (
        "Address pools, and which machines had their addresses: create them again ('secondsite pool create "
        "--help') once each machine with such an address is reported above."
    ),
    (
        "Which sites do not reverse replication by themselves: 'secondsite site pair SITE OTHER "
        "--no-reverse-after-commit'."
    ),
    "Which plans commit by themselves: 'secondsite plan set PLAN --commit-after 1h'; their time begins anew.",
    "What people confirmed of how to connect after a failover: 'secondsite machine connecting MACHINE' asks.",
    "Jobs: those of the former vault do not go on; the state that they left is reported for each machine "
    "above, with the command that continues. Past jobs, the audit log, evidence, notes of test failovers "
    "and the RPO were in its database: if you find a backup of it, keep it: it can be verified without a "
    "vault.",
)
UNSAID = (
    "Policies, network cards, properties, checks, replication groups, recovery plans and network mappings: "
    "no vault sent them to this appliance. Set them again; machines have the values that their appliance "
    "had.",
)
WENT_HOME = "it was failed back from here and runs at home; its disks here are kept for the next reprotect"
KEY = (
    "The key of encrypted replicas: 'secondsite appliance set-key --from FILE' at the appliance, if it has "
    "none."
)


def adopted(
    made: MachineRecord, found: AdoptableMachine, end: AdoptionEnd, overtaken: Iterable[str] = ()
) -> AdoptedMachine:
    return _told(made, found, end, (*overtaken, *_says(found), *_pooled(made, found)), _next(made, found))


def overtaken(
    tx: Transaction, at: ApplianceRecord, before: MachineRecord, made: MachineRecord
) -> Iterator[str]:
    """What the appliances that were adopted before have of an earlier direction."""
    yield (
        f"its copy here is of epoch {made.epoch}; the one that was adopted before is of epoch {before.epoch} "
        "and is old"
    )
    now = {made.source_appliance_id, made.target_appliance_id}
    for each in map(tx.appliances.find, sorted({before.source_appliance_id, before.target_appliance_id})):
        if each is None or each.last_seen_at is None or each.id == at.id:
            continue
        where = f"appliance '{each.name}' of site {each.site}"
        if each.id in now:
            yield (
                f"'secondsite machine resynchronize {shell.arguments(made.name)}' tells {where} its role "
                "again, if its copy was put back from a backup"
            )
        else:
            yield f"{where} has an old copy or old points of it: see that no copy runs there"


def here(record: MachineRecord, found: AdoptableMachine) -> AdoptedMachine:
    return _told(record, found, AdoptionEnd.HERE, (), None)


def left(
    found: AdoptableMachine, before: MachineRecord | None, problem: errors.SecondsiteError
) -> AdoptedMachine:
    told = (
        AdoptedMachine(id=found.id, name=found.name, end=AdoptionEnd.LEFT)
        if before is None
        else _told(before, found, AdoptionEnd.LEFT, (), None)
    )
    return told.model_copy(update={"says": (problem.message,), "do": problem.do})


def missing(found: AdoptableSite, machines: Sequence[AdoptableMachine]) -> Iterator[str]:
    if found.vault is None:
        yield from UNSAID
    for each in found.odd:
        yield f"A setting of the former vault has an impossible value: {each}. Set it again."
    if any(each.replica is not None and each.replica.key_id for each in machines):
        yield KEY
    yield from LOST


def _told(
    record: MachineRecord, found: AdoptableMachine, end: AdoptionEnd, says: tuple[str, ...], do: str | None
) -> AdoptedMachine:
    replica = found.replica
    return AdoptedMachine(
        id=record.id,
        name=record.name,
        end=end,
        state=record.state,
        source_site=record.source_site,
        target_site=record.target_site,
        points=replica.points if replica else 0,
        newest_at=replica.newest_at if replica else None,
        held=replica.held if replica else 0,
        says=says,
        do=do,
    )


def _says(found: AdoptableMachine) -> Iterator[str]:
    replica, source = found.replica, found.source
    if replica is not None and replica.run is not None and replica.committed_point_id is None:
        by = " by the store's own program" if replica.run.by else ""
        yield f"it was started here from point {replica.run.point_id}{by}"
        if not replica.run.defined:
            yield "no machine of a hypervisor uses it: plain QEMU runs it, or nothing does"
    if replica is not None and replica.drills:
        yield f"{counted(replica.drills, 'test failover')} of it that the former vault began will be ended"
    if source is not None:
        yield f"it is replicated from here; its power state is {source.power}" + ", fenced" * source.fenced
    if found.kept is None:
        yield "its settings were not kept"
    else:
        yield from settings.of_machine(found.kept)
    for each in found.odd:
        yield f"left out, since its value is impossible: {each}"


def _pooled(made: MachineRecord, found: AdoptableMachine) -> Iterator[str]:
    """For cards that may have an address of a pool: a pool that is created again does not know of it, and
    would give it to another machine."""
    if found.kept is None or not pool_addresses.is_away(made):
        return
    for card in found.kept.cards:
        if card.from_pool:
            yield (
                f"its card {card.mac} may have an address of a pool, but which one was not kept: look in its "
                "guest, and set it ('secondsite card set "
                f"{shell.arguments(made.name, card.mac, options='--address ADDRESS/PREFIX')}'), so that no "
                "pool gives it to another machine"
            )


def _next(made: MachineRecord, found: AdoptableMachine) -> str | None:
    run = found.replica.run if found.replica else None
    if made.state is State.COMMITTED:
        return f"secondsite machine reprotect {shell.arguments(made.name)}"
    if made.state is State.FAILED_OVER:
        return f"secondsite machine commit {shell.arguments(made.name)}"
    if run is not None:
        stop = (
            f"./secondsite-rescue stop {shell.arguments(made.name)}, in the store with its appliance "
            "stopped; then "
        ) * (run.by == QEMU)
        return (
            f"{stop}secondsite machine failover "
            f"{shell.arguments(made.name, options=f'--point {shlex.quote(run.point_id)}')}"
        )
    return None
