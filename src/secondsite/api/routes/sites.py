"""Routes: sites."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import Response

from ...wire import rest
from ...wire.common.bandwidth import BandwidthShape
from ...wire.rest.verification import VerificationShape
from ..access import Vault
from ..headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..routers import guarded
from .names import OtherSite, SiteName

router = guarded("sites")


@router.get("/sites")
def list_sites(vault: Vault, paging: Paging) -> rest.SitePage:
    """All sites, by name."""
    items, following = by_name(vault.sites.list(), paging)
    return rest.SitePage(items=items, next=following)


@router.post("/sites", status_code=HTTPStatus.CREATED, responses=answers(HTTPStatus.CREATED, LOCATION, ETAG))
def create_site(vault: Vault, response: Response, once: OnceHeader, request: rest.SiteCreate) -> rest.Site:
    """Creates a site; enroll its appliance next."""
    made = tag(response, vault.sites.create(request.name, once))
    locate(response, "sites", made.name)
    return made


@router.get("/sites/{site}", responses=answers(HTTPStatus.OK, ETAG))
def show_site(vault: Vault, response: Response, site: SiteName) -> rest.Site:
    """One site."""
    return tag(response, vault.sites.show(site))


@router.delete("/sites/{site}", status_code=HTTPStatus.NO_CONTENT)
def delete_site(vault: Vault, site: SiteName, seen: IfMatch) -> None:
    """Deletes a site that has no appliances, machines under protection or mappings."""
    vault.sites.delete(site, seen)


@router.put("/sites/{site}/bandwidth", responses=answers(HTTPStatus.OK, ETAG))
def limit_site(
    vault: Vault, response: Response, site: SiteName, seen: IfMatch, request: BandwidthShape
) -> rest.Site:
    """Sets how fast the site may send: a rate, and windows of the week in which another rate applies.
    Replaces all that was set before."""
    return tag(response, vault.sites.limit(site, request, seen))


@router.put("/sites/{site}/verification", responses=answers(HTTPStatus.OK, ETAG))
def set_verification(
    vault: Vault, response: Response, site: SiteName, seen: IfMatch, request: VerificationShape
) -> rest.Site:
    """Sets what the site gives to copies of recovery points that are booted only to be looked at, and how
    often. Replaces all that was set before."""
    return tag(response, vault.sites.give(site, request, seen))


@router.get("/sites/{site}/inventory")
def show_inventory(vault: Vault, site: SiteName) -> rest.SiteInventory:
    """All machines of the site, asked now; if the site cannot be asked, the last known ones and the
    reason."""
    return vault.machines.inventory(site)


@router.get("/site-pairs")
def list_pairs(vault: Vault) -> Sequence[rest.SitePair]:
    """The settings of every pair of sites, by name."""
    return vault.pairs.list()


@router.get("/site-pairs/{site}/{other}", responses=answers(HTTPStatus.OK, ETAG))
def show_pair(vault: Vault, response: Response, site: SiteName, other: OtherSite) -> rest.SitePair:
    """The settings of a pair of sites, in whichever order they are named."""
    return tag(response, vault.pairs.show(site, other))


@router.put("/site-pairs/{site}/{other}", responses=answers(HTTPStatus.OK, ETAG))
def change_pair(
    vault: Vault,
    response: Response,
    site: SiteName,
    other: OtherSite,
    seen: IfMatch,
    request: rest.SitePairChange,
) -> rest.SitePair:
    """Changes the settings of a pair of sites."""
    return tag(response, vault.pairs.change(site, other, request, seen))
