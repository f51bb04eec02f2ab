"""Requests that wait for a second person's approval, and the setting that names the verbs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.access.approvals import Rules, Stage
from ...domain.access.roles import Permission


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request as it was asked, to be asked again exactly so. `path` is below /api and quoted; `machines` are the ids of those
    that it names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str
    machines: tuple[str, ...] = ()
    understood: str | None = None
    """The body as the route takes it, for the second person; None: it was kept by an earlier release."""


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """`token_sha256` is the secret that asked; `by` whoever granted or refused it, and then `why`. `tried` is how carrying it
    out was refused last."""

    number: int
    stage: Stage
    verb: str
    permission: Permission
    request: AskedFor
    request_sha256: str
    who: str
    token_id: str
    token_sha256: str
    site: str | None
    address: str
    asked_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    by: str | None = None
    by_sha256: str | None = None
    why: str = ""
    tried: str = ""
    code: int | None = None
    job_id: str | None = None


class Approvals(Protocol):
    def rules(self) -> Rules: ...
    def set_rules(self, rules: Rules) -> None: ...

    def next_number(self) -> int:
        """Never given before. Call it while no other transaction asks."""

    def put(self, record: ApprovalRecord) -> None: ...
    def find(self, number: int) -> ApprovalRecord | None: ...
    def open(self) -> Sequence[ApprovalRecord]: ...
    def list(
        self, stages: Sequence[Stage], limit: int, before: int | None = None
    ) -> Sequence[ApprovalRecord]:
        """Newest first; no stages: all."""

    def forget(self, ended_before: datetime, up_to: int) -> None:
        """Drops what ended before then, and of all that have ended those up to this number."""
