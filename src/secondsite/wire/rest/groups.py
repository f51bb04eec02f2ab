"""Replication groups."""

from collections.abc import Mapping

from pydantic import AwareDatetime, Field

from ..common.base import SITE_NAME, Editable, Shape
from .errors import Page
from .verbs import MOST_MACHINES


class GroupCreate(Shape):
    """A new replication group: its machines have common recovery points."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""
    source_site: str
    """Where its machines replicate from."""
    target_site: str
    """Where they replicate to."""
    multi_vm_every_seconds: int = Field(60, ge=5, le=86400)
    """Seconds between two common points."""
    app_consistent: bool = False
    """Whether the guests' file systems are frozen for each common point."""
    machines: tuple[str, ...] = Field((), max_length=MOST_MACHINES)
    """Its first members, by name or id."""


class GroupChange(Shape):
    """The new settings of a group: all except its name and its sites."""

    multi_vm_every_seconds: int = Field(ge=5, le=86400)
    """Seconds between two common points."""
    app_consistent: bool
    """Whether the guests' file systems are frozen for each common point."""
    machines: tuple[str, ...] = Field(max_length=MOST_MACHINES)
    """All its members, by name or id: those that are not named leave it and stay protected."""


class Group(Editable):
    """A replication group."""

    name: str
    """Its name in all calls."""
    source_site: str
    """Where its machines replicated from when it was made."""
    target_site: str
    """Where they replicated to."""
    multi_vm_every_seconds: int
    """Seconds between two common points."""
    app_consistent: bool
    """Whether the guests' file systems are frozen for each common point."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    machines: tuple[str, ...] = ()
    """The names of its members."""
    newest_set: str | None = None
    """The id of the newest common point that every member has; null: there is none."""
    newest_set_at: AwareDatetime | None = None
    """Its instant (UTC)."""
    newest_app_set: str | None = None
    """The id of the newest one that is also app-consistent."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", exclude={"newest_set", "newest_set_at", "newest_app_set"})


class GroupPage(Page[Group]):
    """Replication groups, by name."""
