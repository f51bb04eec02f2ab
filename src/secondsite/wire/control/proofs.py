"""The order to look at a machine after its start, and what is reported."""

from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.cards import MOST_CARDS, CardAddress
from ..common.evidence import Evidence
from ..common.machine_checks import MOST_CHECKS, MachineCheck

LONGEST_SECONDS = 600.0
MOST_OF_A_PICTURE = 1024 * 1024
"""Bytes; a larger one stays where it is."""


class Prove(Shape):
    """Look at the machine for at most `wait_seconds`, until something proves that its guest runs or there is nothing to wait for.
    `checks` have deadlines of their own. `addresses` are given as soon as its agent answers, for which is waited for `address_seconds`; an
    older appliance gives none, and says nothing of them."""

    fabric_id: str
    name: str
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]
    checks: Annotated[tuple[MachineCheck, ...], Field(max_length=MOST_CHECKS)] = ()
    addresses: Annotated[tuple[CardAddress, ...], Field(max_length=MOST_CARDS)] = ()
    address_seconds: Annotated[float, Field(ge=0, le=LONGEST_SECONDS)] = 0.0


class Proof(Shape):
    """What was seen. `picture` is a PNG of the screen as base64."""

    evidence: Evidence
    picture: Annotated[str, Field(max_length=MOST_OF_A_PICTURE * 4 // 3 + 4)] | None = None
