"""The order to look at a machine after its start, and its report."""

from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.cards import MOST_CARDS, CardAddress
from ..common.evidence import Evidence
from ..common.machine_checks import MOST_CHECKS, CheckVerdict, MachineCheck
from ..common.numbers import BoundedTuple, Name
from ..common.points import PointId
from ..common.properties import Sizing, StandIns

LONGEST_SECONDS = 600.0
MOST_OF_A_PICTURE = 1024 * 1024
"""The largest picture in a report, in bytes; a larger one is left out."""


class Prove(Shape):
    """Look at the machine for at most `wait_seconds`, until something proves that its guest runs or there is
    nothing to wait for. `checks` have deadlines of their own. `addresses` are given as soon as its agent
    answers, which is waited for `address_seconds`; an older appliance ignores them. `own_network`: its
    guest's network configuration is to be as it was before its addresses were changed; an older appliance
    leaves it. `from_home`: until this failover it was at home, so what somebody changed in that configuration
    since its last journey is what goes back."""

    fabric_id: str
    name: str
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]
    checks: Annotated[tuple[MachineCheck, ...], Field(max_length=MOST_CHECKS)] = ()
    addresses: Annotated[tuple[CardAddress, ...], Field(max_length=MOST_CARDS)] = ()
    address_seconds: Annotated[float, Field(ge=0, le=LONGEST_SECONDS)] = 0.0
    own_network: bool = False
    from_home: bool = False


class RepeatChecks(Shape):
    """Run these checks of the failed-over machine once more while it runs. An older appliance does not know
    this order."""

    fabric_id: str
    name: str
    checks: Annotated[tuple[MachineCheck, ...], Field(min_length=1, max_length=MOST_CHECKS)]


class RepeatedChecks(Shape):
    """The power state of the machine at the end, and the result of each check."""

    power: Name
    verdicts: Annotated[tuple[CheckVerdict, ...], BoundedTuple(MOST_CHECKS)]


class BootPoint(Shape):
    """Start a copy on the point, look at it as `Prove` does, and remove it. Its cards are on `network`, which
    is made for it and is isolated; 'none': not connected. `left_out` names checks of the machine that cannot
    be run this way. An older appliance does not know this order."""

    point_id: PointId
    fabric_id: str
    name: str
    network: Annotated[str, Field(pattern=r"^(none|ss-[a-z0-9-]{1,12})$")] = "none"
    sizing: Sizing = Sizing()
    stand_in: StandIns = Field(default_factory=dict)
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]
    checks: Annotated[tuple[MachineCheck, ...], Field(max_length=MOST_CHECKS)] = ()
    left_out: Annotated[tuple[str, ...], Field(max_length=MOST_CHECKS)] = ()


class Proof(Shape):
    """What was seen. `picture` is a PNG of the screen as base64."""

    evidence: Evidence
    picture: Annotated[str, Field(max_length=MOST_OF_A_PICTURE * 4 // 3 + 4)] | None = None
