"""Start the failed-over machine from an instant, and record which one, in one step."""

from dataclasses import replace

from ...domain import errors
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Hook
from ...jobs.model.outcomes import Done
from ...jobs.model.views import JobView
from ...jobs.storage.database import Session
from ..store import Transaction
from . import authority
from .deps import Deps
from .points.choose_recovery_point import StartInstant
from .sides import addressing, network_cards, pool_addresses, properties
from .sides.target import FAILOVER_RUN, Target


def ordered_when_it_begins(deps: Deps, verb: Verb) -> Hook:
    """For the step that starts the machine: records that its start was ordered, in the transaction in which
    the step begins."""

    def begins(session: Session, job: JobView) -> None:
        tx = deps.store.within(session)
        try:
            authority.claimed(tx, str(job.subject), verb.value, job.id)
        except errors.SecondsiteError:
            return  # the step finds that as well, and reports it
        _note_ordered(tx, str(job.subject))

    return begins


def start_from(
    deps: Deps,
    ctx: StepContext,
    target: Target,
    instant: StartInstant,
    *,
    with_all_networks: bool = False,
    goes_on: bool = False,
) -> Done:
    """Start the machine at the target from that instant; its record says so in the step's own transaction. A
    missing network does not stop a machine that is needed: its cards stay unconnected, unless
    `with_all_networks` makes the start fail. `goes_on`: it starts from its last write, and runs nowhere
    else."""
    machine = target.machine
    with deps.store.reading() as tx:
        connected, new_macs = (
            network_cards.at_target(tx, machine),
            network_cards.new_macs(tx, machine, FAILOVER_RUN),
        )
        wanted, asks = properties.set_for(tx, machine), bool(pool_addresses.wanted(tx, machine))
        given = addressing.at_target(tx, machine)
        mappings = network_cards.mappings(tx, machine)
        set_networks = network_cards.set_networks(tx, machine)
    got = pool_addresses.take(deps, ctx, machine, needed=with_all_networks) if asks else ""
    if asks:
        with deps.store.reading() as tx:
            given = addressing.at_target(tx, machine)
    if not machine.start_ordered:
        ctx.write(deps.commit(lambda tx: _note_ordered(tx, machine.id)))
    answer = target.start_failed_over(
        instant.point_id,
        connected,
        instant.forward,
        mappings=mappings,
        set_networks=set_networks,
        new_macs=new_macs,
        addresses=given,
        wanted=wanted,
        without_missing_networks=not with_all_networks,
        goes_on=goes_on,
    )

    def record(tx: Transaction) -> None:
        now = tx.machines.get(machine.id)
        started = replace(
            now,
            failed_over_point_id=instant.point_id,
            failed_over_forward=instant.forward,
            failed_over_at=now.failed_over_at or deps.now(),  # a change of the point is no other failover
        )
        tx.machines.put(started)

    said = answer.sentence + got + properties.not_done(wanted.sizing, answer.facts)
    return Done(said, answer.facts, deps.commit(record))


def _note_ordered(tx: Transaction, machine_id: str) -> None:
    """Record the start before the order is given: from here on the machine may be running there."""
    now = tx.machines.get(machine_id)
    if not now.start_ordered:
        tx.machines.put(replace(now, start_ordered=True))
