"""How many machines of each site are protected."""

from collections.abc import Iterator, Mapping, Sequence

from .....domain.lifecycle import State
from .....wire.rest.access.reports import SiteCoverage
from ....health.standing_findings import NOT_PROTECTED
from ....store import MachineRecord
from ...parts import Parts
from ...shared import discovery
from ...shared.discovery import SiteContents

COUNTS_NOT = NOT_PROTECTED | {State.DISABLING, State.DISABLE_FAILED, State.ENABLING}
"""States in which no replica follows the machine."""


def asked(parts: Parts) -> Mapping[str, SiteContents]:
    """What the sites that the caller sees have now, or had when they were asked last."""
    with parts.store.reading() as tx:
        names = [each.name for each in tx.sites.list() if parts.sees(each.name)]
    found = discovery.at_once(names, lambda name: discovery.seen(parts, name))
    return dict(zip(names, found, strict=True))


def by_site(sites: Mapping[str, SiteContents], machines: Sequence[MachineRecord]) -> Iterator[SiteCoverage]:
    """The coverage of each site; `machines` are all of the vault."""
    for site, has in sites.items():
        own = [each for each in machines if _runs_at(each) == site]
        free = len(discovery.unprotected(site, has.inventory, machines))
        yield SiteCoverage(
            site=site,
            machines=len(own) + free,
            protected=sum(each.state not in COUNTS_NOT for each in own),
            seen_at=has.seen_at,
            problem=has.problem,
        )


def _runs_at(machine: MachineRecord) -> str:
    return machine.target_site if machine.state in NOT_PROTECTED else machine.source_site
