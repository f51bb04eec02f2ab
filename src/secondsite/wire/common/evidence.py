"""What was seen of a machine after its start, as proof that it runs."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import Shape
from .cards import MOST_CARDS
from .machine_checks import MOST_CHECKS, CheckVerdict
from .numbers import BoundedTuple, Name, Text

MOST_TOLD = 16
"""The most addresses of one machine that are reported."""
GuestAddress = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?$")]


class GuestAgent(StrEnum):
    """Whether the guest agent answered: it did, it did not, or the machine has no channel for one."""

    ANSWERED = "answered"
    SILENT = "silent"
    NONE = "none"


class Picture(StrEnum):
    """What became of the picture of the screen: it is kept with the job; there is none, since the machine
    has no screen or is off; it was too large to be kept; the screen could not be drawn."""

    KEPT = "kept"
    NONE = "none"
    TOO_LARGE = "too_large"
    FAILED = "failed"


class AddressVerdict(Shape):
    """The result for an address that is set for a card."""

    key: Name
    """The card's name in sentences of jobs."""
    mac: Name
    """Its MAC address at that site."""
    address: Name
    """The address, with its prefix."""
    ipv6: Name | None = None
    """Its IPv6 address, with its prefix; null: none is set, or an appliance of an older release gave none."""
    routes: Annotated[tuple[Name, ...], BoundedTuple(MOST_TOLD)] = ()
    """The subnets to which it has routes of its own; none if an appliance of an older release gave none."""
    given: bool
    """Whether the guest has it now."""
    said: Text
    """What the guest calls the card, or why it has not this address."""
    program: Name | None = None
    """The program in the guest that gives it at each of its boots; null: nothing does, or an appliance of an
    older release did not say."""
    passing: Text | None = None
    """Why it lasts until the guest's next boot only; null: it lasts, or it is not known."""


class RestoredNetwork(Shape):
    """What became of the files of a guest's network configuration that were changed for the other site."""

    back: Annotated[tuple[Text, ...], BoundedTuple(MOST_TOLD)] = ()
    """Those that are as they were before."""
    left: Annotated[tuple[Text, ...], BoundedTuple(MOST_TOLD)] = ()
    """Those that somebody changed since: they stay as they are."""
    unapplied: Annotated[tuple[Text, ...], BoundedTuple(MOST_TOLD)] = ()
    """Cards that use them from the guest's next boot on."""
    problem: Text | None = None
    """Why nothing could be restored, or asked for; null: it could."""


class Evidence(Shape):
    """What was seen of a machine after its start."""

    proven: bool
    """Whether every check of the machine passed; without checks, whether its guest agent answered. That it is
    on proves nothing."""
    power: Name
    """Whether the machine ran at the end: 'running', 'off', ..."""
    agent: GuestAgent
    """Whether its guest agent answered."""
    agent_seconds: float | None = None
    """Seconds until the agent answered, counted from the first look."""
    console: Text | None = None
    """The end of what it has written to its console since its start; empty: nothing yet; null: no console
    of it is kept."""
    picture: Picture = Picture.NONE
    """What became of the picture of its screen: read it with `GET /api/jobs/{job}/picture`."""
    seconds: float
    """How many seconds the machine was looked at."""
    checks: Annotated[tuple[CheckVerdict, ...], BoundedTuple(MOST_CHECKS)] = ()
    """The result of each check that is set for the machine, in their order."""
    addresses: Annotated[tuple[AddressVerdict, ...], BoundedTuple(MOST_CARDS)] = ()
    """The result for each address that is set for a card."""
    restored: RestoredNetwork | None = None
    """What became of the guest's own network configuration, at home; null: nobody asked."""
    guest_addresses: Annotated[tuple[GuestAddress, ...], BoundedTuple(MOST_TOLD)] = ()
    """The IPv4 addresses that it had when it was last looked at, as far as its guest agent, or the DHCP
    server of the hypervisor's network, tells."""
