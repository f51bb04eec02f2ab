"""Notes about sites that cannot be asked now: how old the vault's knowledge of them is, and why there is
nothing newer."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ..domain import amounts
from ..wire.rest.places import SiteReading
from . import output


def show(sites: Sequence[SiteReading], as_json: bool) -> None:
    """A note on standard error for each site that could not be asked."""
    for site in sites:
        if site.problem is not None:
            note = SiteReading(site=site.site, problem=site.problem, seen_at=site.seen_at)
            what = f"site {site.site} cannot be asked now ({site.problem.code}): {site.problem.message}"
            output.show_note(note, (what, _shown(site)), site.problem.do, as_json)


def age(seen_at: datetime | None) -> str | None:
    """How long ago that was, in words; None for what is current."""
    if seen_at is None:
        return None
    return f"{amounts.span(max(0, round((datetime.now(UTC) - seen_at).total_seconds())))} ago"


def _shown(site: SiteReading) -> str:
    if site.seen_at is None:
        return "it was never asked, so nothing is known of what it has"
    return f"what it has is shown as it was {age(site.seen_at)}, at {output.clock(site.seen_at)}"
