"""What was done by whom."""

from pydantic import AwareDatetime, Field

from ....domain.access.chain import Outcome
from ...common.base import Shape
from ...common.numbers import Instant
from ..errors import Page, Paging

SHORTEST_DAYS, LONGEST_DAYS = 30, 36500


class AuditEntry(Shape):
    """One act, or one refused attempt. Its digest covers all other fields, and `former` the entry before."""

    number: int
    """Its place in the log, from 1, without gaps."""
    at: AwareDatetime
    """When it was recorded (UTC)."""
    who: str
    """The name of the token; stranger: a call without a valid token."""
    token_id: str
    """The token's own id; empty for strangers and the vault itself."""
    address: str
    """The address from which it was asked."""
    verb: str
    """What was asked for, as a route of the API."""
    object: str
    """What was acted on: the path of the call."""
    outcome: Outcome
    """The result."""
    code: int | None = None
    """The status of the answer; null: none was given yet, or several were."""
    job_id: str | None = None
    """The job that it started or steered."""
    details: str
    """JSON: what was asked, what was before and after, how often."""
    former: str
    """The digest of the entry before."""
    digest: str
    """sha256 over all of this."""


class AuditQuery(Paging):
    """Which entries: those that match everything given."""

    who: str | None = None
    """Of this token, by name."""
    verb: str | None = None
    """Of this route: DELETE /tokens/{name}."""
    object: str | None = None
    """About this: a part of the call's path, or the whole name or id of a machine that the call was about."""
    outcome: Outcome | None = None
    """With this outcome."""
    job: str | None = None
    """Of this job, by its whole id."""
    number: int | None = Field(None, ge=1, le=2**62)
    """The entry with this number."""
    since: Instant | None = None
    """Recorded then or later."""
    before: Instant | None = None
    """Recorded before then."""
    oldest_first: bool = False
    """In the order in which they were recorded."""


class AuditPage(Page[AuditEntry]):
    """Entries, newest first unless the other order was asked for."""


class AuditCheck(Shape):
    """Whether the log is whole."""

    intact: bool
    """Whether no entry was changed, removed or moved since it was written."""
    entries: int
    """How many were read, as far as the log is whole."""
    first_number: int
    """The number of the first one that is kept; older ones were deleted as the setting says."""
    head_number: int
    """The number of the last one."""
    head_digest: str
    """The digest of the last one. Keep it elsewhere: whoever can write the database can also write the whole
    log anew."""
    broken_number: int | None = None
    """The first one that is wrong or missing; null: none is."""
    what: str = ""
    """What is wrong with it."""


class AuditSettings(Shape):
    """How long the log is kept."""

    kept_days: int | None = Field(365, ge=SHORTEST_DAYS, le=LONGEST_DAYS)
    """Older entries are deleted from its beginning; null: never."""
