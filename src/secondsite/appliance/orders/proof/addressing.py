"""Gives the cards of a machine the addresses that they are to have here, once its guest agent answers; at
home its guest's own network configuration is put back."""

import time

from ....domain import errors
from ....fabrics.interface import Fabric
from ....wire.common.cards import CardAddress
from ....wire.common.evidence import AddressVerdict, RestoredNetwork
from ....wire.control.proofs import Prove
from . import console_text

GIVE_SECONDS = 40.0
"""After a disaster all guests boot at once, and are slow."""
LONGEST_SAID = 300
UNASKED = "no guest agent answered"
UNTAGGED = "it carries no secondsite tag, so nothing is done in its guest"


class Addresses:
    """`whose`: the id of the protected machine, as which the guest keeps its files of before. All is done
    after `most_seconds`."""

    def __init__(self, fabric: Fabric, payload: Prove, whose: str, most_seconds: float) -> None:
        self._fabric, self._payload, self._whose = fabric, payload, whose
        self._given: dict[str, AddressVerdict] = {}
        # an agent may answer before the program has begun that configures the cards
        self._again: set[str] = set()
        self._problems: dict[str, str] = {}
        self._restored: RestoredNetwork | None = None
        self._unrestored = UNASKED
        self._each_seconds = min(GIVE_SECONDS, most_seconds / 2)
        waits = min(payload.address_seconds, most_seconds - self._each_seconds)
        self._until = time.monotonic() + waits

    @property
    def pending(self) -> bool:
        """Whether an address may still be given, or the guest's own configuration put back."""
        is_missing = len(self._given) < len(self._payload.addresses) or self._is_to_be_restored
        return (is_missing or bool(self._again)) and time.monotonic() < self._until

    @property
    def verdicts(self) -> tuple[AddressVerdict, ...]:
        return tuple(self._given.get(each.mac) or self._missing(each) for each in self._payload.addresses)

    @property
    def restored(self) -> RestoredNetwork | None:
        """What became of the guest's own configuration; None if it was not asked for, or nobody waited for
        its agent."""
        if self._is_to_be_restored and self._payload.address_seconds:
            return RestoredNetwork(problem=self._unrestored)
        return self._restored

    def look(self, agent_answers: bool) -> None:
        """Try the addresses that could not be given yet once more: while a guest boots its cards appear
        late."""
        if not agent_answers:
            return
        if self._is_to_be_restored:
            self._restore()
        for wanted in self._payload.addresses if self.pending else ():
            if wanted.mac not in self._given or wanted.mac in self._again:
                self._give(wanted)

    @property
    def _is_to_be_restored(self) -> bool:
        return self._payload.own_network and self._restored is None

    def _restore(self) -> None:
        found = self._fabric.inventory.get(self._payload.fabric_id)
        if found is None or found.tag is None:
            self._unrestored = UNTAGGED
            return
        try:
            done = self._fabric.addressing.restore(self._payload.fabric_id, self._whose, self._each_seconds)
        except errors.SecondsiteError as problem:
            self._unrestored = _short(problem.message)
            return
        parts = (tuple(map(_short, each)) for each in (done.back, done.left, done.unapplied))
        self._restored = RestoredNetwork(**dict(zip(("back", "left", "unapplied"), parts, strict=True)))

    def _give(self, wanted: CardAddress) -> None:
        try:
            given = self._fabric.addressing.give(
                self._payload.fabric_id,
                wanted,
                self._whose,
                self._each_seconds,
                from_home=self._payload.from_home,
            )
        except errors.SecondsiteError as problem:
            self._problems[wanted.mac] = _short(problem.message)
            return
        self._again -= {wanted.mac}
        if given.booting:
            self._again.add(wanted.mac)
        self._given[wanted.mac] = AddressVerdict(
            key=wanted.key,
            mac=wanted.mac,
            address=wanted.address,
            ipv6=_ipv6(wanted),
            routes=tuple(each.to for each in wanted.routes),
            given=True,
            said=_short(given.card),
            program=given.program,
            passing=None if given.program else _short(given.passing),
        )

    def _missing(self, wanted: CardAddress) -> AddressVerdict:
        said = self._problems.get(wanted.mac, UNASKED)
        return AddressVerdict(
            key=wanted.key,
            mac=wanted.mac,
            address=wanted.address,
            ipv6=_ipv6(wanted),
            given=False,
            said=said,
        )


def said(verdicts: tuple[AddressVerdict, ...], restored: RestoredNetwork | None) -> str:
    """What became of the addresses, as the end of a sentence."""
    return "".join(f"; {_said(each)}" for each in verdicts) + ("" if restored is None else _back(restored))


def _said(verdict: AddressVerdict) -> str:
    address = verdict.address if verdict.ipv6 is None else f"{verdict.address} and {verdict.ipv6}"
    if verdict.routes:
        address += f", with routes to {', '.join(verdict.routes)},"
    if not verdict.given:
        return f"{verdict.key} was not given {address}: {verdict.said}"
    given = f"{verdict.said} {address} set by its agent"
    if verdict.program is not None:
        return f"{given}, and by {verdict.program} at each boot"
    return f"{given}, until its next boot: {verdict.passing}"


def _ipv6(wanted: CardAddress) -> str | None:
    return None if wanted.ipv6 is None else wanted.ipv6.address


def _back(restored: RestoredNetwork) -> str:
    if restored.problem is not None:
        return f"; its own network configuration was not put back: {restored.problem}"
    back = f"; put back as before: {', '.join(restored.back)}" if restored.back else ""
    left = f"; left, since somebody changed it: {', '.join(restored.left)}" if restored.left else ""
    later = f"; from its next boot on: {', '.join(restored.unapplied)}" if restored.unapplied else ""
    return back + left + later


def _short(words: str) -> str:
    return " ".join(console_text.cleaned(words.encode()).split())[:LONGEST_SAID]
