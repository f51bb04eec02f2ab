"""An act: a request that changes something, until its entry is in the audit log.

The entry is written in the transaction of the change: a vault that is killed has both, or neither. A change
that an appliance makes is announced before, in a transaction of its own.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from pydantic import JsonValue, TypeAdapter

from ...domain.access import hidden
from ...domain.access.chain import Entry, Outcome
from ...domain.access.roles import Permission
from ...wire.common.base import Shape
from ..store import AskedMachine, Transaction
from .callers import Caller

log = structlog.get_logger()
Body = TypeAdapter[object]
MOST_ASKED_BYTES, MOST_REFUSED_BYTES = 4096, 400
"""The longest bodies that an entry holds, of changes and of refusals; of a larger one only the digest is
kept."""
MOST_OF_A_PATH = 500


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Marks a request that is made only to see whether it would be allowed."""


@dataclass(frozen=True, slots=True)
class ApprovalGrant:
    """Marks a kept request that a second person has granted. `by` and the secret are the second person's, and
    `grant` their act; None: that is in the log already."""

    number: int
    by_sha256: str
    by: str
    grant: "Act | None" = None


@dataclass(slots=True)
class Act:
    """A request with its future entry. `verb`, `name`, `permission` and `code` are known once the route is:
    the verb, the permission that it needs, and the status of the answer if nothing goes wrong."""

    caller: Caller
    object: str
    body: bytes = b""
    verb: str = ""
    code: int = 200
    job_id: str | None = None
    asked: Shape | None = None
    """The body by its type: of a large body this is kept."""
    repeated: bool = False
    """Whether it repeats an earlier request, by its idempotency key: nothing changes."""
    takes: Callable[[], Body] | None = None
    """Gives the type of the route's body; None: the route takes none."""
    method: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    also: tuple[str, ...] = ()
    """Other verbs that it carries out: that of the job which it lets run again."""
    permission: Permission | None = None
    approval: Rehearsal | ApprovalGrant | None = None
    begun: bool = False
    """Whether it was announced, and is about to be done by an appliance."""
    machines: set[str] = field(default_factory=set)
    """Ids of the machines that it names, and the editions of what else it names."""
    about: dict[str, AskedMachine] = field(default_factory=dict)
    """These machines by their ids, as they were before it."""
    called: set[str] = field(default_factory=set)
    """Names and ids of all machines that it is about, including those of a plan or a job: people search for
    them."""
    waits: bool = False
    """Whether it is kept until a second person approves it: then its answer is not a refusal."""
    _told: dict[str, JsonValue] = field(default_factory=dict)

    def understood(self) -> str:
        """The body as JSON, by its type: without unknown fields, and the same however it was written. Empty
        without a body."""
        if not self.body or self.takes is None:
            return ""
        kind = self.takes()
        meant = kind.validate_python(json.loads(self.body.decode()))
        told = kind.dump_python(meant, mode="json", exclude_unset=True)
        return "" if told is None else json.dumps(told, ensure_ascii=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The verbs by which it may need approval."""
        return (self.name, *self.also)

    def tell(self, name: str, what: JsonValue) -> None:
        """Add a detail to the entry."""
        self._told[name] = what

    def note(self, before: Shape | None = None, after: Shape | None = None) -> None:
        """Set what the change replaces, and what it makes."""
        for name, shape in (("before", before), ("after", after)):
            if shape is not None:
                self._told[name] = shape.model_dump(mode="json", exclude_none=True)

    def record(self, tx: Transaction, at: datetime, outcome: Outcome = Outcome.DONE) -> None:
        """Write the entry, as the last thing in the transaction of the change; with the person who granted
        it, if any."""
        if not self.repeated:
            code = self.code if outcome is Outcome.DONE else None
            append(tx, self.entry(at, outcome, code))
        if (
            outcome is Outcome.DONE
            and isinstance(self.approval, ApprovalGrant)
            and self.approval.grant is not None
        ):
            self.approval.grant.job_id = self.job_id
            self.approval.grant.record(tx, at)

    def entry(self, at: datetime, outcome: Outcome, code: int | None) -> Entry:
        most = MOST_REFUSED_BYTES if outcome is Outcome.REFUSED else MOST_ASKED_BYTES
        told = {**_asked(self.body, self.asked, most), **self._told}
        if self.called:
            told["machines"] = [*sorted(self.called)]
        return Entry(
            at=at,
            who=self.caller.name,
            token_id=self.caller.token_id,
            address=self.caller.address,
            verb=self.verb,
            object=self.object,
            outcome=outcome,
            code=code,
            job_id=self.job_id,
            details=text_of(hidden.without_secrets(told)),
        )


def append(tx: Transaction, entry: Entry) -> None:
    """Append the entry. The log file gets its digest as well, for whoever doubts the database: if the
    transaction is rolled back, the number comes again there."""
    linked = tx.audit.append(entry)
    log.info("audit.recorded", number=linked.number, digest=linked.digest, verb=linked.verb, who=linked.who)


def text_of(details: Mapping[str, JsonValue]) -> str:
    return json.dumps(details, sort_keys=True, separators=(",", ":"))


def _asked(body: bytes, understood: Shape | None, most_bytes: int) -> dict[str, JsonValue]:
    """The body for the entry, without unknown fields if it is large: they could hide what counts."""
    if not body:
        return {}
    said = [body]
    if understood is not None:
        said.append(understood.model_dump_json(exclude_defaults=True).encode())
    for text in said:
        with contextlib.suppress(ValueError, RecursionError):
            if len(text) <= most_bytes:
                return {"asked": _strictly(json.loads(text))}
    return {"asked": {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}}


def _strictly(value: JsonValue) -> JsonValue:
    """The value, if it is standard JSON. Raises ValueError: Python reads and writes NaN and Infinity."""
    json.dumps(value, allow_nan=False)
    return value
