"""Machines as rows: arrays of a few words and numbers, thousands of them in one piece."""

from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field, GetJsonSchemaHandler

from ....domain.health import Health, Severity
from ....domain.lifecycle import DrillState, State
from ...common.base import Shape
from ...common.machines import PowerState
from ..errors import FindingCode
from ..machines import Direction, MachineSelection
from .arrays import described, known_places

MOST_ROWS = 20_000


class MachineRow(NamedTuple):
    """One machine, by position. Times are whole seconds since 1970 (UTC): an age is the answer's `at` minus
    the time, and a row changes only when its machine does."""

    # What differs from row to row comes first: the rest is one repetition to who compresses it.
    id: str
    """The vault's id."""
    name: str
    """As the hypervisor has it."""
    recoverable_at: int | None
    """The instant of the newest usable recovery point: the RPO is its age. Null: there is none."""
    newest_point_at: int | None
    """The instant of the newest one that is not damaged."""
    points: int
    """How many recovery points there are."""
    stored_bytes: int
    """What replica and points take at the target, to three digits."""
    drilled_at: int | None
    """When its last test failover was cleaned up; null: none was."""
    source_site: str
    """The site that it is replicated from."""
    target_site: str
    """Where its replica is."""
    active_site: str
    """The site where it runs, or should run."""
    state: State
    """Its state in the lifecycle."""
    drill_state: DrillState
    """The state of its test failover."""
    health: Health
    """The worst of its findings that change health."""
    severity: Severity | None
    """The worst of all its findings; null: it has none."""
    findings: tuple[FindingCode, ...]
    """The codes of its findings, the worst first, then the oldest."""
    power: PowerState | None
    """Its power at its source; null if it was never reported."""
    rpo_goal_seconds: int | None
    """The RPO threshold of its policy."""
    synchronized_percent: int | None
    """How far a pass over whole disks is; null: none runs."""
    job_id: str | None
    """The job that has the machine now."""
    policy: str
    """Its replication policy."""
    group: str | None
    """Its replication group."""
    generation: int = 0
    """Rises with every verb that moves it, or changes what it is started from."""
    drill_generation: int = 0
    """Rises with every test failover and every clean-up."""
    direction: Direction = Direction.FORWARD
    """Away from home, or home."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return described(cls, core_schema, handler)


MACHINE_COLUMNS = MachineRow._fields
KnownMachineRow = Annotated[MachineRow, BeforeValidator(known_places(len(MACHINE_COLUMNS)))]


class MachineRows(Shape):
    """Machines as rows."""

    at: AwareDatetime
    """The vault's time, by which ages are counted (UTC)."""
    mark: str
    """Give it as `mark` to `GET /api/live`: the stream then tells what has changed since."""
    total: int
    """How many machines fit, whatever the limit is."""
    columns: tuple[str, ...] = MACHINE_COLUMNS
    """The names of what stands in a row. A newer vault may append some."""
    rows: tuple[KnownMachineRow, ...]
    """In the order that was asked for."""


class MachineRowQuery(MachineSelection):
    """Which machines, in which order."""

    limit: int = Field(MOST_ROWS, ge=1, le=MOST_ROWS)
    """How many at most."""
    offset: int = Field(0, ge=0, le=MOST_ROWS)
    """How many are left out at the beginning: for a window of a long list."""
