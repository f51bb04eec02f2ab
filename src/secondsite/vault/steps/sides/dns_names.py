"""Changes the DNS names of a machine to where it runs, once a verb has moved it. Only the site where it runs
does this.

The machine is where it is whatever becomes of its names: no verb fails because of them. A name that does not
point to it is a finding. Test failovers change no names.
"""

from collections.abc import Mapping
from dataclasses import replace

from ....domain import errors, shell
from ....domain.networks import addresses
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....wire.common.cards import CardSettings
from ....wire.control import orders
from ....wire.control.names import CardName, NamesFact, NameVerdict, UpdateNames
from ...store import MachineRecord, NamesRecord, Transaction
from ..deps import Deps
from . import network_cards, pool_addresses
from .orders import Limits
from .side import Side
from .target import Target

TRY_SECONDS = 15.0
"""How long a name server is tried, in seconds."""
AGENT_SECONDS, BOOT_SECONDS = 5.0, 60.0
"""How long the guest's agent is waited for, in seconds: if an address is known without it, and if none is."""
MORE_SECONDS = 30.0
NONE = "its cards have no DNS names"


def names(tx: Transaction, machine: MachineRecord) -> tuple[str, ...]:
    return tuple(name for card in tx.settings.cards(machine.id) for name in card.names)


def after_failover(deps: Deps, ctx: StepContext, target: Target) -> Outcome:
    """Update the names at the machine's target, which is home for a machine that comes back."""
    fabric_id = ctx.facts("start", orders.StartFact).fabric_id
    at_home = target.machine.reversed
    return update(deps, target, fabric_id, at_home=at_home)


def update(deps: Deps, side: Side, fabric_id: str, *, at_home: bool) -> Outcome:
    """Update the names at this side. `at_home`: it is the side where the machine was when it was
    protected."""
    machine = side.machine
    with deps.store.reading() as tx:
        wanted = _wanted(tx, machine, at_home=at_home)
    if not wanted:
        return Skipped(NONE)
    wait_seconds = AGENT_SECONDS if all(each.address for each in wanted) else BOOT_SECONDS
    payload = UpdateNames(
        fabric_id=fabric_id,
        machine=machine.name,
        names=wanted,
        wait_seconds=wait_seconds,
        try_seconds=TRY_SECONDS,
    )
    limits = Limits(deadline_seconds=wait_seconds + TRY_SECONDS + MORE_SECONDS)
    why = f"letting the names of {machine.name} point to {side.site}"
    try:
        answer = side.give(orders.UPDATE_NAMES, payload, why, limits)
    except errors.StaleOrder:
        raise
    except errors.SecondsiteError as error:
        said = (
            f"{', '.join(each.name for each in wanted)} may not point to {machine.name} at {side.site}: "
            f"{error.message}"
        )
        verdicts = tuple(NameVerdict(name=each.name, said=error.message) for each in wanted)
    else:
        said, verdicts = answer.sentence, answer.facts.verdicts

    def keep(tx: Transaction) -> None:
        now = tx.machines.get(machine.id)
        tx.machines.put(replace(now, names=_kept(now, side.site, verdicts, deps, at_home=at_home)))

    unset = any(each.address is None for each in verdicts)
    if unset:
        said += f"; try again with 'secondsite machine update-names {shell.arguments(machine.name)}'"
    return Done(said, NamesFact(verdicts=verdicts), deps.commit(keep), partial=unset)


def _wanted(tx: Transaction, machine: MachineRecord, *, at_home: bool) -> tuple[CardName, ...]:
    keys = {nic.mac.lower(): nic.key for nic in machine.definition.nics}
    before = machine.names.home if machine.names else {}
    settings = tx.settings.cards(machine.id)
    asks = not at_home and any(card.from_pool for card in settings)
    pooled = pool_addresses.away(tx, machine) if asks else {}
    return tuple(
        CardName(
            name=name,
            key=keys.get(card.mac, card.mac),
            mac=card.mac if at_home else network_cards.mac_away(machine, card),
            address=before.get(name) if at_home else _address_away(card, pooled),
        )
        for card in settings
        for name in card.names
    )


def _address_away(card: CardSettings, pooled: Mapping[str, str]) -> str | None:
    if card.from_pool and card.connected:
        return pooled.get(card.mac)
    return addresses.host(card.address) if card.address is not None and card.connected else None


def _kept(
    machine: MachineRecord,
    site: str,
    verdicts: tuple[NameVerdict, ...],
    deps: Deps,
    *,
    at_home: bool,
) -> NamesRecord:
    problems = {
        each.name: f"{each.name} may not point to {machine.name} at {site}: {each.said}."
        for each in verdicts
        if each.address is None
    }
    home: Mapping[str, str | None] = machine.names.home if machine.names else {}
    done = {each.name: each.before for each in verdicts if each.address is not None}
    kept = {name: was for name, was in home.items() if name not in done} if at_home else {**done, **home}
    since = machine.names.at if machine.names and machine.names.problems else deps.now()
    return NamesRecord(since, problems, dict(kept))
