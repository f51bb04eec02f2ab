"""What is seen of a machine after its start, as the last step of the verb that started it.

The machine is failed over when it runs: whatever is seen, or not seen, no verb fails because of it. For a
machine of which nothing can be seen from outside no order is given.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from ....domain import errors
from ....domain.networks import addresses as addresses_of
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....wire.common.cards import CardAddress
from ....wire.common.evidence import AddressVerdict, Evidence
from ....wire.control.orders import StartFact
from ....wire.control.proofs import Proof
from ...store import AddressesRecord, MachineRecord, PictureRecord, Transaction
from ..deps import Deps
from . import addressing
from .target import Target

ADVICE = (
    "look at its console at the target ('virsh console'): does it boot, has it an address of that network, "
    "does the service listen?"
)
NOTHING: Mapping[str, str] = {}
PNG = b"\x89PNG\r\n\x1a\n"


def prove(
    deps: Deps,
    ctx: StepContext,
    find_target: Callable[[StepContext], Target],
    to_have: Callable[[Transaction, MachineRecord], Sequence[CardAddress]] = addressing.at_target,
    *,
    offered: Mapping[str, str] = NOTHING,
    note: Callable[[Transaction, Evidence], None] | None = None,
    wait_seconds: float = 0.0,
) -> Outcome:
    """The verdict about the machine that the step 'start' has started. Its cards are given the addresses that
    they are `to_have`; `offered` are those that the appliance's DHCP server gives, by MAC address. What was
    seen is passed to `note`, else the machine's addresses are kept with it. It is looked at for
    `wait_seconds`, if that is longer than usual."""
    started = ctx.facts("start", StartFact)
    target = find_target(ctx)
    with deps.store.reading() as tx:
        checks = tuple(tx.checks.find(target.machine.id))
        addresses = tuple(to_have(tx, target.machine))
        are_set = addressing.are_set(tx, target.machine)
    seen_at = partial(_keep_addresses, target.machine.id, ctx.now(), addresses)
    unkept = None if note or not addresses else deps.commit(partial(seen_at, None))
    unseen_lacks = _lacks(addresses, None, offered)
    if not started.shows and (started.shows is None or not checks):
        unseen = f"nothing can be seen of {started.name} from outside: {_why(started)}"
        return Skipped(unseen + _not_given(addresses, offered), partial=unseen_lacks, commit=unkept)
    try:
        answer = target.prove(
            started,
            max(deps.proof_seconds, wait_seconds),
            checks,
            addresses,
            own_network=target.machine.reversed,
            needs_own=are_set,
        )
    except errors.SecondsiteError as error:
        unseen = f"nothing was seen of {started.name}, which was started: {error.message}"
        return Skipped(
            unseen + _not_given(addresses, offered), partial=bool(checks) or unseen_lacks, commit=unkept
        )
    evidence, png = answer.facts.evidence, picture_of(answer.facts)
    sentence = answer.sentence
    if checks and not evidence.checks:
        sentence += "; its appliance is of an older release and knows no checks"
    elif checks and not evidence.proven:
        sentence += f"; {ADVICE}"
    if addresses and not evidence.addresses:
        sentence += f"; its appliance is of an older release{_not_given(addresses, offered)}"
    else:
        sentence += _offered([each for each in evidence.addresses if not each.given], offered)

    def keep(tx: Transaction) -> None:
        if png is not None:
            tx.pictures.put(PictureRecord(ctx.job_id, ctx.now(), png))
        if note is not None:
            note(tx, evidence)
        else:
            seen_at(evidence, tx)

    unchecked = bool(checks) and not (evidence.checks and evidence.proven)
    failed = unchecked or _lacks(addresses, evidence, offered)
    return Done(sentence, Proof(evidence=evidence), deps.commit(keep), partial=failed)


def _lacks(wanted: Sequence[CardAddress], evidence: Evidence | None, offered: Mapping[str, str]) -> bool:
    """Whether a card lacks the address that it should have, and does not get it by DHCP: then the job ends as
    partially succeeded."""
    return any(card.mac not in offered for card, _ in _lacking(wanted, evidence))


def _keep_addresses(
    machine_id: str,
    now: datetime,
    wanted: Sequence[CardAddress],
    evidence: Evidence | None,
    tx: Transaction,
) -> None:
    """Keep the addresses of a machine that runs at its target from now on, and those that its cards lack."""
    machine, told = tx.machines.get(machine_id), () if evidence is None else evidence.guest_addresses
    lacking = tuple(
        f"{card.key} does not have the address {card.spoken} that is set for it: {why}."
        for card, why in _lacking(wanted, evidence)
    )
    passing, unrestored = tuple(_passing(evidence)), tuple(_unrestored(machine, evidence))
    found = AddressesRecord(now, machine.target_site, told, lacking, passing, unrestored)
    seen = found if told or lacking or passing or unrestored else None
    if (seen or machine.seen_addresses) is not None:
        tx.machines.put(replace(machine, seen_addresses=seen))


def _passing(evidence: Evidence | None) -> Iterator[str]:
    """Addresses that a guest has until its next boot only."""
    for each in () if evidence is None else evidence.addresses:
        if each.given and each.passing is not None:
            yield f"{each.said} has {each.address} until its guest's next boot: {each.passing}."


def _unrestored(machine: MachineRecord, evidence: Evidence | None) -> Iterator[str]:
    """What a guest still has of the other site's network configuration."""
    found = None if evidence is None else evidence.restored
    if found is None:
        return
    if found.problem is not None:
        yield (
            f"Whether {machine.name} still has network configuration of the other site is not known: "
            f"{found.problem}."
        )
    if found.left:
        yield (
            f"{machine.name} keeps {', '.join(found.left)}, which were written for the other site: somebody "
            "changed them since."
        )
    if found.unapplied:
        yield f"{', '.join(found.unapplied)} has its own addresses from the next boot of its guest on."


def _lacking(wanted: Sequence[CardAddress], evidence: Evidence | None) -> Iterator[tuple[CardAddress, str]]:
    """Cards without the address that they should have, and why. An address that a DHCP server gave counts."""
    verdicts = {} if evidence is None else {each.mac: each for each in evidence.addresses}
    told = () if evidence is None else evidence.guest_addresses
    for card in wanted:
        verdict = verdicts.get(card.mac)
        has_ipv4 = (verdict is not None and verdict.given) or addresses_of.host(card.address) in told
        given = verdict if verdict is not None and verdict.given else None
        if has_ipv4 and card.ipv6 is not None and (given is None or given.ipv6 is None):
            yield card, "its IPv6 address could not be set"
            continue
        if has_ipv4 and card.routes and (given is None or not given.routes):
            yield card, "its routes could not be set"
            continue
        if has_ipv4:
            continue
        yield card, "nothing was seen of its guest" if verdict is None else verdict.said


def picture_of(proof: Proof) -> bytes | None:
    """The picture, if it is a PNG: nothing else is passed on to those who look at jobs."""
    try:
        png = base64.b64decode(proof.picture or "", validate=True)
    except ValueError:
        return None
    return png if png.startswith(PNG) else None


def _not_given(addresses: Sequence[CardAddress], offered: Mapping[str, str]) -> str:
    """The end of a sentence about addresses that were not given."""
    lacking = "".join(f"; {each.key} was not given {each.address}" for each in addresses)
    return lacking + _offered(addresses, offered)


def _offered(addresses: Sequence[CardAddress | AddressVerdict], offered: Mapping[str, str]) -> str:
    """The end of a sentence about addresses that the DHCP server gives."""
    return "".join(
        f"; the DHCP server of its network has {offered[each.mac]} for {each.key}"
        for each in addresses
        if each.mac in offered
    )


def _why(started: StartFact) -> str:
    if started.shows is None:
        return "its appliance did not say what it shows"
    return "it has no channel for a guest agent, no console that is kept, and no screen"
