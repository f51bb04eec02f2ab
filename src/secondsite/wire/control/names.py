"""The order to let a machine's DNS names point to it, and its report."""

from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.cards import MAC, Name, Plain
from ..common.numbers import BoundedTuple, Text
from ..common.numbers import Name as Bounded

LONGEST_SECONDS = 600.0
MOST_NAMES = 1000
LONGEST_SAID = 300


class CardName(Shape):
    """A name, and the card that it is for: `mac` is the card's here, `key` names it in sentences.
    `address` is what it gets if the guest's agent does not say which address the card has."""

    name: Name
    key: str
    mac: str = Field(pattern=MAC)
    address: Plain | None = None


class UpdateNames(Shape):
    """The names point to this machine, which runs here. Its agent is waited for `wait_seconds`; names that
    the DNS server has not changed within `try_seconds` are given up."""

    fabric_id: str
    machine: str
    names: Annotated[tuple[CardName, ...], Field(max_length=MOST_NAMES)]
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]
    try_seconds: Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]


class NameVerdict(Shape):
    """The result for a name: it points to `address` now (null: it does not point to the machine). `before`:
    to what it pointed before the order. `said`: why it does not, or what else should be known."""

    name: Bounded
    address: Bounded | None = None
    before: Bounded | None = None
    said: Text = ""


class NamesFact(Shape):
    verdicts: Annotated[tuple[NameVerdict, ...], BoundedTuple(MOST_NAMES)]
