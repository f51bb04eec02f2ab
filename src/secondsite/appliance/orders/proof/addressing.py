"""Gives the cards of a machine the addresses that they are to have here, once its guest agent answers."""

import time

from ....domain import errors
from ....fabrics.interface import Fabric
from ....wire.common.cards import CardAddress
from ....wire.common.evidence import AddressVerdict
from ....wire.control.proofs import Prove
from . import console_text

GIVE_SECONDS = 15.0
LONGEST_SAID = 300
UNASKED = "no guest agent answered"


class Addresses:
    def __init__(self, fabric: Fabric, payload: Prove, most_seconds: float) -> None:
        self._fabric, self._payload = fabric, payload
        self._given: dict[str, AddressVerdict] = {}
        self._problems: dict[str, str] = {}
        self._until = time.monotonic() + min(payload.address_seconds, most_seconds)

    @property
    def pending(self) -> bool:
        """Whether an address may still be given."""
        return len(self._given) < len(self._payload.addresses) and time.monotonic() < self._until

    @property
    def verdicts(self) -> tuple[AddressVerdict, ...]:
        return tuple(self._given.get(each.mac) or self._missing(each) for each in self._payload.addresses)

    def look(self, agent_answers: bool) -> None:
        """Try the addresses that could not be given yet once more: while a guest boots its cards appear
        late."""
        for wanted in self._payload.addresses if agent_answers and self.pending else ():
            if wanted.mac not in self._given:
                self._give(wanted)

    def _give(self, wanted: CardAddress) -> None:
        try:
            name = self._fabric.addressing.give(self._payload.fabric_id, wanted, GIVE_SECONDS)
        except errors.SecondsiteError as problem:
            self._problems[wanted.mac] = _short(problem.message)
            return
        self._given[wanted.mac] = _verdict(wanted, given=True, said=_short(name))

    def _missing(self, wanted: CardAddress) -> AddressVerdict:
        return _verdict(wanted, given=False, said=self._problems.get(wanted.mac, UNASKED))


def said(verdicts: tuple[AddressVerdict, ...]) -> str:
    """What became of the addresses, as the end of a sentence."""
    return "".join(f"; {_said(each)}" for each in verdicts)


def _said(verdict: AddressVerdict) -> str:
    if verdict.given:
        return f"{verdict.said} {verdict.address} set by its agent"
    return f"{verdict.key} was not given {verdict.address}: {verdict.said}"


def _verdict(wanted: CardAddress, *, given: bool, said: str) -> AddressVerdict:
    return AddressVerdict(key=wanted.key, mac=wanted.mac, address=wanted.address, given=given, said=said)


def _short(words: str) -> str:
    return " ".join(console_text.cleaned(words.encode()).split())[:LONGEST_SAID]
