"""Requests that wait for a second person."""

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
    """The verbs that need approval; none: nothing does. As soon as one is named, creating and rotating tokens
    and changing this setting need it too."""
    lasts_seconds: float = Field(LASTS_SECONDS, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)
    """How many seconds a request waits before it expires."""


class ApprovalMachine(Shape):
    """A machine that a request names, as it was when that was made. Once it is moved, the request cannot be
    granted any more."""

    id: str
    """The vault's id."""
    name: str
    """As the hypervisor had it."""
    source_site: str
    """The site that it was replicated from."""
    target_site: str
    """Where its replica was."""


class ApprovalRequest(Shape):
    """The request, exactly as it is carried out."""

    method: str
    """The HTTP method."""
    path: str
    """Below /api: machine, policy, ..."""
    query: str = ""
    """The part of the URL after the question mark."""
    body: str = ""
    """The request's body."""
    if_match: str | None = None
    """The edition that the asker saw."""
    machines: tuple[ApprovalMachine, ...] = ()
    """The protected machines that it names, or whose plan it names; none also if an earlier release kept
    it."""


class Approval(Shape):
    """A request that waits for a second person, or did."""

    number: int
    """Its number, which is never used again."""
    stage: Stage
    """How far it is."""
    verb: str
    """What was asked for."""
    asked: ApprovalRequest
    """The request with everything that was given."""
    permission: Permission
    """The permission that granting or refusing it needs, as asking did."""
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
    """Why it could not be carried out when it was last granted."""
    code: int | None = None
    """The HTTP status of its answer, once it was carried out."""
    job_id: str | None = None
    """The job that it started or steered."""


class ApprovalQuery(Paging):
    """Which requests."""

    stage: tuple[Stage, ...] = ()
    """At one of these stages; none: all."""


class ApprovalPage(Page[Approval]):
    """Requests, newest first."""


class ApprovalRefusal(Shape):
    """A refusal."""

    reason: str = Field("", max_length=500)
    """Shown to the asker."""
