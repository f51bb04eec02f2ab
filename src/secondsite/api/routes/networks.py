"""Routes: networks, and how those of two sites map to each other."""

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
    """Networks of the sites and the mappings from each; of a site that cannot be asked now those that it
    had, and why."""
    return vault.networks.list() if site is None else [vault.networks.of_site(site)]


@router.get("/networks/mappings", responses=answers(HTTPStatus.OK, ETAG))
def list_mappings(
    vault: Vault, response: Response, source_site: FromSite = None, target_site: ToSite = None
) -> Sequence[rest.NetworkMapping]:
    """By site and network. Asked for two sites, the ETag is what a change between these two takes as
    If-Match."""
    shown = rest.NetworkMappings(mappings=tuple(vault.networks.mappings(source_site, target_site)))
    tag(response, shown)
    return shown.mappings


@router.put("/networks/mappings")
def map_network(vault: Vault, seen: IfMatch, mapping: rest.NetworkMapping) -> rest.NetworkMapping:
    """Makes a mapping, or replaces that of the same network and target site."""
    return vault.networks.map(mapping, seen)


@router.delete("/networks/mappings", status_code=HTTPStatus.NO_CONTENT)
def unmap_network(
    vault: Vault,
    seen: IfMatch,
    source_site: Annotated[str, Query(description="Where the mapping leads from.")],
    source_network: Annotated[str, Query(description="The network there.")],
    target_site: Annotated[str, Query(description="Where the mapping leads to.")],
) -> None:
    """Cards of this network are not connected at the target any more."""
    vault.networks.unmap(source_site, source_network, target_site, seen)
