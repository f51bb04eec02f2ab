"""Routes: networks, and the mappings between those of two sites."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Response

from ...wire import rest
from ..access import Vault
from ..headers import ETAG, IfMatch, answers, tag
from ..routers import guarded
from .names import FromSite, OnlySite, ToSite

router = guarded("networks")


@router.get("/networks")
def list_networks(vault: Vault, site: OnlySite = None) -> Sequence[rest.SiteNetworks]:
    """The networks of each site and the mappings from it; for a site that cannot be asked now, the last known
    ones and the reason."""
    return vault.networks.list() if site is None else [vault.networks.of_site(site)]


@router.get("/networks/mappings", responses=answers(HTTPStatus.OK, ETAG))
def list_mappings(
    vault: Vault, response: Response, source_site: FromSite = None, target_site: ToSite = None
) -> Sequence[rest.NetworkMapping]:
    """Network mappings, by site and network. If both sites are given, the ETag can be used as If-Match for
    changes between them."""
    shown = rest.NetworkMappings(mappings=tuple(vault.networks.mappings(source_site, target_site)))
    tag(response, shown)
    return shown.mappings


@router.put("/networks/mappings")
def map_network(vault: Vault, seen: IfMatch, mapping: rest.NetworkMapping) -> rest.NetworkMapping:
    """Creates a mapping, or replaces that of the same network and target site."""
    return vault.networks.map(mapping, seen)


@router.delete("/networks/mappings", status_code=HTTPStatus.NO_CONTENT)
def unmap_network(
    vault: Vault,
    seen: IfMatch,
    source_site: Annotated[str, Query(description="The site that the mapping leads from.")],
    source_network: Annotated[str, Query(description="The network at that site.")],
    target_site: Annotated[str, Query(description="The site that the mapping leads to.")],
) -> None:
    """Deletes a mapping: cards of this network are no longer connected at the target."""
    vault.networks.unmap(source_site, source_network, target_site, seen)
