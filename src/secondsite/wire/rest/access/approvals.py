"""What waits for a second person."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from ....domain.access.approvals import LASTS_SECONDS, Stage
from ....domain.access.roles import Permission
from ....ground.units import DAY, MINUTE
from ...common.base import Shape
from ..errors import Page, Paging

SHORTEST_SECONDS, LONGEST_SECONDS = 5 * MINUTE, 30 * DAY


class ApprovalSettings(Shape):
    """What needs a second person's approval."""

    verbs: tuple[Annotated[str, Field(max_length=64)], ...] = Field((), max_length=100)
    """Their names; none: nothing does. As soon as one is named, making and rotating tokens and this
    setting do too."""
    lasts_seconds: float = Field(LASTS_SECONDS, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)
    """How long a request waits."""


class ApprovalRequest(Shape):
    """What was asked, exactly as it is carried out."""

    method: str
    """As in HTTP."""
    path: str
    """Below /api: machine, policy, ..."""
    query: str = ""
    """What stands behind the question mark."""
    body: str = ""
    """The body as it came."""
    if_match: str | None = None
    """The edition that the asker saw."""


class Approval(Shape):
    """A request that waits for a second person, or did."""

    number: int
    """Never given again."""
    stage: Stage
    """How far it is."""
    verb: str
    """What was asked for."""
    asked: ApprovalRequest
    """With all that was given."""
    permission: Permission
    """What whoever grants or refuses it needs, like the asker."""
    who: str
    """The name of the token that asked; the job shows it as `requested_by`."""
    asked_at: AwareDatetime
    """When (UTC)."""
    expires_at: AwareDatetime
    """Until when it may be granted (UTC)."""
    ended_at: AwareDatetime | None = None
    """When it was carried out, refused, withdrawn, or expired (UTC)."""
    by: str | None = None
    """The name of the token that granted or refused it."""
    why: str = ""
    """Why it was refused."""
    tried: str = ""
    """Why it could not be carried out when it was granted last."""
    code: int | None = None
    """The status of its answer, once it is carried out."""
    job_id: str | None = None
    """The job that it started or steered."""


class ApprovalQuery(Paging):
    """Which requests."""

    stage: tuple[Stage, ...] = ()
    """At one of these stages; none: all."""


class ApprovalPage(Page[Approval]):
    """Requests, newest first."""


class ApprovalRefusal(Shape):
    """Why it is refused."""

    reason: str = Field("", max_length=500)
    """Shown to the asker."""
