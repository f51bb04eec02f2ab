"""A new vault adopts what an appliance has of a vault that is gone."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from ...domain.lifecycle import State
from ..common.base import SITE_NAME, Shape


class AdoptionRequest(Shape):
    """A request to adopt what an appliance has. It is made in portions: `after` is `following` of the last
    answer."""

    dry_run: bool = False
    """Change nothing; only report what would be adopted."""
    other_site: Annotated[str, Field(pattern=SITE_NAME)] = "lost"
    """The name for a site that machines had, if nobody knows its name."""
    after: Annotated[str, Field(max_length=128)] = ""
    """Only machines whose ids follow this one; empty: from the first one on, and what is set for many
    machines."""


class AdoptionEnd(StrEnum):
    """The result for one machine."""

    ADOPTED = "adopted"
    COMPLETED = "completed"
    """It was here, and this appliance knew more of it: its role, or its state."""
    HERE = "here"
    """It was here already, and nothing differed."""
    LEFT = "left"
    """It cannot be adopted."""


class AdoptedMachine(Shape):
    """One machine."""

    id: str
    """Its id: the same as in the former vault."""
    name: str
    """Its name."""
    end: AdoptionEnd
    """The result."""
    state: State | None = None
    """Its state here; null: it is not here."""
    source_site: str | None = None
    """Where it is replicated from."""
    target_site: str | None = None
    """Where it is replicated to."""
    points: int = 0
    """Recovery points that the appliance has."""
    newest_at: AwareDatetime | None = None
    """When the newest one was taken (UTC); null: there is none."""
    held: int = 0
    """Points with a hold."""
    says: tuple[str, ...] = ()
    """What else there is to know, as sentences."""
    do: str | None = None
    """What to do next with it."""


class Adoption(Shape):
    """What was adopted of an appliance, or would be."""

    appliance: str
    """Its name."""
    site: str
    """Its site."""
    dry_run: bool
    """Whether nothing was changed."""
    said_at: AwareDatetime | None = None
    """When the former vault last said what is set (UTC); null: it never did, so only what lies in the
    store is known."""
    settings: tuple[str, ...] = ()
    """Settings for many machines, and sites and appliances of which only the names are known: a sentence
    each."""
    missing: tuple[str, ...] = ()
    """What nobody kept, and how to set it again."""
    machines: tuple[AdoptedMachine, ...] = ()
    """By id."""
    following: str | None = None
    """Ask again with this as `after`; null: that was all."""
