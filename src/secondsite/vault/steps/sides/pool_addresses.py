"""Addresses that a machine's cards get out of the pools of the networks at its second site.

They are taken by the prerequisites check, before anything stops, and belong to the machine until it is home
again: an address never belongs to two machines. Addresses that were taken for a verb which then failed may be
taken from a machine that is at home.
"""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ....domain import errors, shell
from ....domain.lifecycle import State, Verb
from ....domain.networks import addresses, pools
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Done, Outcome
from ....wire.common.cards import CardSettings, PoolSettings
from ....wire.control.cards import LocalCard
from ....wire.control.checks import Obstacles, ObstacleShape
from ...store import MachineRecord, PoolAddressRecord, PoolRecord, Transaction
from .. import lookup
from ..deps import Deps
from ..obstacles import NOTHING
from . import network_cards

LOCK = "pools"


@dataclass(frozen=True, slots=True)
class CardRequest:
    """A card that should have an address out of the pool of its network (None: the network has none)."""

    card: LocalCard
    pool: PoolRecord | None


@dataclass(frozen=True, slots=True)
class AddressRequests:
    """The `cards` as the target is asked about them: whether their future addresses fit its networks. `asks`:
    some should have an address out of a pool; `unpooled` are those that get none, because their network has
    no pool or nothing is free in it."""

    cards: tuple[LocalCard, ...]
    unpooled: Obstacles = NOTHING
    asks: bool = False


@dataclass(frozen=True, slots=True)
class CardLease:
    """What a card gets out of a pool: an address with its prefix, gateway and DNS servers."""

    address: str
    gateway: str | None
    dns_servers: tuple[str, ...]


def wanted(tx: Transaction, machine: MachineRecord) -> Sequence[CardRequest]:
    """The requests of the cards that will be connected; none at home, where the machine is as it was."""
    own = network_cards.set_for(tx, machine)
    if not any(map(_asks, own.values())):
        return ()
    there = [each for each in tx.pools.list() if each.settings.site == machine.target_site]
    connected = (card for card in network_cards.at_target(tx, machine) if card.network is not None)
    return [CardRequest(card, _of(there, card)) for card in connected if _asks(own.get(card.mac.lower()))]


def expected(tx: Transaction, machine: MachineRecord) -> Mapping[str, CardLease]:
    """What the machine's cards have, or would get now, by their MAC addresses at home."""
    found: dict[str, CardLease] = {}
    offered: set[tuple[str, str]] = set()
    for each in wanted(tx, machine):
        if each.pool is not None:
            besides = {address for pool, address in offered if pool == each.pool.name}
            address = _choose(tx, machine, each.pool, each.card.mac.lower(), besides)
            if address is not None:
                offered.add((each.pool.name, address))
                found[each.card.mac.lower()] = _pooled(each.pool.settings, address)
    return found


def given(tx: Transaction, machine: MachineRecord) -> Mapping[str, CardLease]:
    """What the machine's cards have where they are started now, by their MAC addresses at home."""
    found = [(each.card.mac.lower(), each.pool) for each in wanted(tx, machine) if each.pool is not None]
    if not found:
        return {}
    has = {(each.pool, each.mac): each.address for each in tx.pools.held(machine.id)}
    return {
        mac: _pooled(pool.settings, has[pool.name, mac]) for mac, pool in found if (pool.name, mac) in has
    }


def away(tx: Transaction, machine: MachineRecord) -> Mapping[str, str]:
    """The address that was last taken for each card, by its MAC address at home."""
    held = sorted(tx.pools.held(machine.id), key=lambda each: each.taken_at)
    return {each.mac: each.address for each in held}


def look(
    tx: Transaction, machine: MachineRecord, checked: Sequence[LocalCard], *, blocking: bool
) -> AddressRequests:
    """The cards with the addresses that they would get; nothing is taken yet."""
    wishes = wanted(tx, machine)
    if not wishes:
        return AddressRequests(tuple(checked))
    found = expected(tx, machine)
    missed = [each for each in wishes if each.card.mac.lower() not in found]
    told = Obstacles(obstacles=tuple(_obstacle(machine, each, blocking=blocking) for each in missed))
    return AddressRequests(
        tuple(_with(card, found.get(card.mac.lower())) for card in checked), told, asks=True
    )


def of_network(tx: Transaction, site: str, network: str, vlans: Sequence[int] = ()) -> PoolSettings | None:
    """The pool for the VLAN tag, else that of the network."""
    there = [each for each in tx.pools.list() if each.settings.site == site]
    found = _on(there, network, vlans)
    return None if found is None else found.settings


def take(deps: Deps, ctx: StepContext, machine: MachineRecord, *, needed: bool) -> str:
    """Take the addresses, durably from now on; gives the end of a sentence. Raises PrerequisiteFailed for an
    address that is `needed` and that another machine was faster to take; else the machine starts without
    it."""
    said: list[str] = []

    def work(tx: Transaction) -> None:
        said[:] = taken(tx, machine, deps.now(), needed=needed)

    ctx.write(deps.commit(work))
    return "".join(f"; {each}" for each in said)


def taken(tx: Transaction, machine: MachineRecord, now: datetime, *, needed: bool) -> Sequence[str]:
    """A sentence for each card that should have an address. Raises as `take`."""
    tx.one_at_a_time(LOCK)
    return [_take(tx, machine, each, now, needed=needed) for each in wanted(tx, machine)]


def comes_home(machine: MachineRecord, verb: Verb, given_up: str | None = None) -> bool:
    """Whether the machine has left its second site for good once this verb, which goes on without the site
    `given_up`, succeeds."""
    if machine.reversed:
        return verb is Verb.COMMIT and given_up != machine.target_site
    return verb is Verb.CANCEL_FAILOVER and not machine.is_away


def is_away(machine: MachineRecord, given_up: str | None = None) -> bool:
    """Whether the machine runs, or may run, at its second site. If its home is `given_up`, the copy there is
    all that is left of it."""
    if machine.reversed:
        return machine.failed_over_point_id is None or given_up == machine.target_site
    return machine.is_away or machine.start_ordered or machine.failed_over_point_id is not None


def giving_back(tx: Transaction, machine: MachineRecord, outcome: Outcome) -> Outcome:
    """The outcome of a step, extended by the addresses that the machine gives back."""
    held = tx.pools.held(machine.id)
    return _also(outcome, "".join(f"; {each.address} goes back to pool {each.pool}" for each in held))


def at_end(tx: Transaction, machine: MachineRecord, outcome: Outcome, given_up: str | None) -> Outcome:
    """As `giving_back`, when its protection ends: a machine that runs on where it is keeps its addresses."""
    if not is_away(machine, given_up):
        return giving_back(tx, machine, outcome)
    keeps = (
        (
            f"; it keeps {each.address} of pool {each.pool}: 'secondsite pool release {each.pool} "
            f"{each.address}' once nothing has it"
        )
        for each in tx.pools.held(machine.id)
    )
    return _also(outcome, "".join(keeps))


def _also(outcome: Outcome, end: str) -> Outcome:
    if isinstance(outcome, Done):
        return replace(outcome, sentence=outcome.sentence + end)
    return replace(outcome, why=outcome.why + end)


def _take(tx: Transaction, machine: MachineRecord, each: CardRequest, now: datetime, *, needed: bool) -> str:
    mac = each.card.mac.lower()
    address = None if each.pool is None else _choose(tx, machine, each.pool, mac)
    if each.pool is None or address is None:
        problem = _obstacle(machine, each, blocking=needed)
        if needed:
            raise errors.PrerequisiteFailed(problem.what, do=problem.do)
        return f"{each.card.key} gets no address out of a pool"
    pool = each.pool.name
    has = [(each.pool, each.mac, each.address) for each in tx.pools.held(machine.id)]
    if (pool, mac, address) not in has:
        tx.pools.release(pool, address)  # from a machine that is at home
        record = PoolAddressRecord(pool, address, machine.id, machine.name, mac, now)
        tx.pools.take(record)
    return f"{each.card.key} gets {address} of pool {pool}"


def _choose(
    tx: Transaction,
    machine: MachineRecord,
    pool: PoolRecord,
    mac: str,
    besides: Collection[str] = (),
) -> str | None:
    """The address that the card has already, else a free one, else that of a machine that is at home."""
    held, ranges = tx.pools.held(machine.id), pool.settings.ranges
    own = next((each.address for each in held if (each.pool, each.mac) == (pool.name, mac)), None)
    if own is not None:
        return own
    fixed = {*besides, *_set_addresses(tx, pool.settings)}
    found = pools.pick(ranges, mac, fixed | tx.pools.addresses(pool.name))
    if found is not None:
        return found
    may_be_had = (each for each in tx.pools.taken(pool.name) if each.address not in fixed)
    in_range = (each for each in may_be_had if pools.has(ranges, each.address))
    return next((each.address for each in in_range if _rests_at_home(tx, each.machine_id)), None)


def _set_addresses(tx: Transaction, pool: PoolSettings) -> Iterator[str]:
    """The addresses that people have set for cards, in whatever network."""
    for settings in tx.settings.with_addresses():
        for card in settings.cards:
            if card.address is not None and addresses.lies_in(card.address, pool.subnet):
                yield addresses.host(card.address)


def _rests_at_home(tx: Transaction, machine_id: str) -> bool:
    found = tx.machines.by_id(machine_id)
    if found is None or found.is_away or found.job_id is not None:
        return False
    if found.state is not State.PROTECTED or is_away(found):
        return False
    return not lookup.is_behind(found, tx.statuses.without_points(machine_id).replica)


def _with(card: LocalCard, pooled: CardLease | None) -> LocalCard:
    return card if pooled is None else card.model_copy(update={"address": pooled.address})


def _asks(card: CardSettings | None) -> bool:
    return card is not None and card.from_pool and card.connected


def _of(there: Sequence[PoolRecord], card: LocalCard) -> PoolRecord | None:
    return _on(there, card.network, card.vlans)


def _on(there: Sequence[PoolRecord], network: str | None, vlans: Sequence[int]) -> PoolRecord | None:
    """The pool for the card's VLAN tag, else that of the network."""
    on_it = {each.settings.vlan: each for each in there if each.settings.network == network}
    tag = vlans[0] if len(vlans) == 1 else None
    return on_it.get(tag) or on_it.get(None)


def _pooled(pool: PoolSettings, address: str) -> CardLease:
    return CardLease(f"{address}/{pool.subnet.partition('/')[2]}", pool.gateway, pool.dns_servers)


def _obstacle(machine: MachineRecord, each: CardRequest, *, blocking: bool) -> ObstacleShape:
    card, keeps = each.card, "" if blocking else ": it keeps what its guest has"
    whom = f"{card.key} ({card.mac}) should have an address out of a pool, but"
    if each.pool is None:
        tag = f" for VLAN {card.vlans[0]}" if len(card.vlans) == 1 else ""
        return ObstacleShape(
            what=f"{whom} the network '{card.network}' of {machine.target_site} has none{tag}{keeps}.",
            do="Make one: 'secondsite pool create NAME "
            f"{shlex.quote(f'{machine.target_site}/{card.network}')} --subnet CIDR --range FIRST-LAST'; or "
            "give the card an address: 'secondsite card set "
            f"{shell.arguments(machine.name, card.key, options='--address ADDRESS/PREFIX')}'.",
            blocking=blocking,
        )
    size = pools.size(each.pool.settings.ranges)
    return ObstacleShape(
        what=f"{whom} none of the {size} of pool '{each.pool.name}' is free{keeps}.",
        do=f"See who has them ('secondsite pool show {shell.arguments(each.pool.name)}'), or give it another "
        f"range: 'secondsite pool set {shlex.quote(each.pool.name)} --range "
        "FIRST-LAST'.",
        blocking=blocking,
    )
