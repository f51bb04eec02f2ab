"""What the vault and an appliance say to each other over their websocket.

The appliance dials, says Hello, and from then on: the vault sends Orders, the appliance answers each with a
Report (and Progress meanwhile) and sends Status whenever something changed and every few seconds; the vault
may ask for everything once more with a FullReportRequest. A repeated order_id gets the first report again; an
order that is running goes on and is reported once. When its certificate is about to expire the appliance
sends Renew, and the vault sends a RenewAnswer.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter

from ..common.base import MACHINE_ID, Problem, Shape
from ..common.hosts import HostCapacity
from ..common.numbers import LONGEST_TEXT, BoundedTuple, Bytes, Instant, Json, Name, Number, Text
from ..common.stores import MOST_STORES, StoreSpace
from .changes import MachineId, ReplicaChange, ReplicaFigures, SourceFigures
from .protocols import PROTOCOL_VERSION, SPOKEN
from .statuses import ArrivalStatus, OldCopyStatus, ReplicaStatus, SourceStatus
from .ways import WayHello

MOST_MACHINES = 20_000
"""The most machines of one appliance. A message with more is refused: it could hold millions."""
MOST_NOTES = 100


def _few(said: object) -> object:
    """The object, if it does not have too many entries. (A list is left at its first invalid member, an
    object is not.)"""
    if isinstance(said, dict) and len(said) > MOST_MACHINES:
        raise ValueError(f"it has more than {MOST_MACHINES} entries")
    return said


def _short(problem: Problem | None) -> Problem | None:
    """The problem with shortened texts: it is stored in records of jobs, and everybody who looks at these
    gets it."""
    if problem is None or len(problem.message) + len(problem.do) <= LONGEST_TEXT:
        return problem
    short = {"message": problem.message[:LONGEST_TEXT], "do": problem.do[:LONGEST_TEXT]}
    return problem.model_copy(update=short)


LONGEST_PEM = 100_000
OrderId = Annotated[str, Field(max_length=300)]
Numbers = Annotated[dict[MachineId, Number], BeforeValidator(_few)]
Gone = Annotated[tuple[MachineId, ...], BoundedTuple(MOST_MACHINES)]


class Hello(Shape):
    """`vault_number` is the highest that a vault told this appliance: a vault whose own is lower was
    restored."""

    type: Literal["hello"] = "hello"
    vault_number: Number = 0
    protocol: Number = PROTOCOL_VERSION
    oldest_protocol: Number | None = SPOKEN.oldest
    """The oldest protocol version that it understands; None: an appliance of the first release, which also
    understands the next version."""
    appliance_id: Name
    site: Name
    version: Name
    # No enumeration: a newer appliance may bring a platform of its own, and is as good to the vault, which
    # only shows it.
    fabric_kind: Name
    accelerated: bool
    data_addresses: Annotated[tuple[Name, ...], BoundedTuple(MOST_NOTES)]
    """host:port that peers of other sites can reach, best first."""
    notes: Annotated[tuple[Text, ...], BoundedTuple(MOST_NOTES)] = ()
    host: Annotated[str, Field(max_length=255)] | None = None
    """The name of the host that it runs on; None: an older appliance."""
    most_disks_home: Number | None = None
    """How many disks may come home to it at once; None: any number, or an older appliance."""
    says_changes: bool = False
    """Whether it can send changes only, to a vault that takes them, and everything again on request."""


class Welcome(Shape):
    type: Literal["welcome"] = "welcome"
    vault_time: Instant
    vault_number: Number = 0
    """Rises as long as the vault's database is in use."""
    takes_changes: bool = False
    """Whether statuses may contain changes only."""
    protocol: Number = 1
    oldest_protocol: Number | None = None
    """As in the hello. A vault of the first release says nothing of it."""
    version: Name = ""
    """The version of the vault's program; the first release does not send it."""


class Order(Shape):
    """`generation` is the number of the verb that gives the order: an appliance carries out none with a
    lower number than it has seen for the machine. Drills stand beside the other verbs and are numbered by
    themselves: `drill_generation`. None of both: the order is of no verb, or its vault has no numbers.
    `given_at` is when its step began, by the vault's clock."""

    type: Literal["order"] = "order"
    order_id: OrderId
    kind: Name
    machine_id: Annotated[str, Field(pattern=MACHINE_ID)] | None = None
    payload: Json = Field(default_factory=dict)
    deadline_seconds: float = 60
    generation: Number | None = None
    drill_generation: Number | None = None
    vault_number: Number = 0
    """As in the welcome, when the order was given."""
    given_at: Instant | None = None


class Progress(Shape):
    type: Literal["progress"] = "progress"
    order_id: OrderId
    fraction: float
    sentence: Text


class Report(Shape):
    """The end of an order: one sentence and facts, or a problem. What it changed about its machine was
    reported before it, in a Status."""

    type: Literal["report"] = "report"
    order_id: OrderId
    machine_id: MachineId | None = None
    sentence: Text = ""
    facts: Json = Field(default_factory=dict)
    problem: Annotated[Problem | None, AfterValidator(_short)] = None


class Status(Shape):
    """What an appliance knows of its machines: the `sources` that it replicates from here, the `replicas`
    that it has, the `old_copies` that are defined here.

    A machine that is not listed has not changed since it was last listed; all are listed when a connection
    begins. A vault that takes changes gets each machine whole every few minutes, any other vault every few
    seconds.
    """

    type: Literal["status"] = "status"
    sources: Annotated[tuple[SourceStatus, ...], BoundedTuple(MOST_MACHINES)] = ()
    replicas: Annotated[tuple[ReplicaStatus, ...], BoundedTuple(MOST_MACHINES)] = ()
    old_copies: Annotated[tuple[OldCopyStatus, ...], BoundedTuple(MOST_MACHINES)] = ()
    arrivals: Annotated[tuple[ArrivalStatus, ...], BoundedTuple(MOST_MACHINES)] | None = None
    """All machines that came; None: nothing is said of them, or by an older appliance."""
    store_free_bytes: Bytes | None = None
    store_used_bytes: Bytes | None = None
    """Used and free space of the default store."""
    stores: Annotated[tuple[StoreSpace, ...], BoundedTuple(MOST_STORES)] = ()
    """All stores, the default one first; an older appliance does not send them."""
    capacity: HostCapacity | None = None
    """What its host has, if it is not as it was last sent over this connection; None: nothing is said of
    it, or by an older appliance."""
    at: Instant | None = None
    """When this was said, by the appliance's clock (UTC): the vault compares it with its own."""
    generations: Numbers = Field(default_factory=dict)
    """The highest generation of an order that was seen, by machine; one value is sent only once over a
    connection."""
    drill_generations: Numbers = Field(default_factory=dict)
    """The same for orders of drills."""
    source_figures: Annotated[tuple[SourceFigures, ...], BoundedTuple(MOST_MACHINES)] = ()
    """Sources of which only figures changed since they were last sent over this connection."""
    replica_figures: Annotated[tuple[ReplicaFigures, ...], BoundedTuple(MOST_MACHINES)] = ()
    """The same for replicas."""
    replica_changes: Annotated[tuple[ReplicaChange, ...], BoundedTuple(MOST_MACHINES)] = ()
    """Replicas of which more than figures changed, as changes against what was last sent over this
    connection."""
    sources_gone: Gone = ()
    """Machines that were sent as sources over this connection, and are none now, or cannot be described."""
    replicas_gone: Gone = ()
    """The same for replicas."""
    unsaid: Text = ""
    """What was left out because it cannot be expressed or, at the vault, was not understood; empty:
    nothing."""


class FullReportRequest(Shape):
    """The vault has missed something of these machines, or of all if none is named, and asks for them
    whole."""

    type: Literal["again"] = "again"
    machine_ids: Annotated[tuple[MachineId, ...], BoundedTuple(MOST_MACHINES)] = ()


class Renew(Shape):
    """The appliance asks for its next certificate. The connection says which appliance it is; the request,
    which key."""

    type: Literal["renew"] = "renew"
    csr_pem: Annotated[str, Field(max_length=LONGEST_PEM)]


class RenewAnswer(Shape):
    """The next certificate, or why there is none."""

    type: Literal["renewed"] = "renewed"
    certificate_pem: Annotated[str, Field(max_length=LONGEST_PEM)] = ""
    problem: Problem | None = None


class Refusal(Shape):
    """The connection is refused; it is closed after this."""

    type: Literal["refusal"] = "refusal"
    problem: Problem


Message = Annotated[
    Hello
    | Welcome
    | Order
    | Progress
    | Report
    | Status
    | FullReportRequest
    | Renew
    | RenewAnswer
    | Refusal
    | WayHello,
    Field(discriminator="type"),
]
_adapter: TypeAdapter[Message] = TypeAdapter(Message)


def parse(text: str | bytes) -> Message:
    """A message of either side; raises pydantic's ValidationError for anything else."""
    return _adapter.validate_json(text)
