"""Routes: the vault, sites, appliances, networks."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from ..wire import inventories, places, rest
from ..wire.bandwidth import BandwidthShape
from .access import Vault

router = APIRouter()
open_router = APIRouter()
"""Calls without a token."""


@open_router.get("/health", tags=["vault"])
def health() -> dict[str, str]:
    """Whether this process answers; says nothing else to strangers."""
    return {"status": "ok"}


@open_router.get("/ca", tags=["vault"], response_class=PlainTextResponse)
def show_ca(vault: Vault) -> str:
    """The CA's certificate (PEM). Compare its fingerprint before you trust it."""
    return vault.info.ca_pem()


@open_router.post("/enroll", tags=["appliances"])
def enroll(vault: Vault, request: places.EnrollRequest) -> places.EnrollAnswer:
    """A certificate for a new appliance; the registration key is what lets it in."""
    return vault.appliances.enroll(request)


@router.get("/vault", tags=["vault"])
def show_vault(vault: Vault) -> rest.VaultInfo:
    return vault.info.show()


@router.get("/sites", tags=["sites"])
def list_sites(vault: Vault) -> Sequence[places.SiteShape]:
    return vault.sites.list()


@router.post("/sites", status_code=HTTPStatus.CREATED, tags=["sites"])
def create_site(vault: Vault, request: places.SiteCreate) -> places.SiteShape:
    return vault.sites.create(request.name)


@router.get("/sites/{site}", tags=["sites"])
def show_site(vault: Vault, site: str) -> places.SiteShape:
    return vault.sites.show(site)


@router.delete("/sites/{site}", status_code=HTTPStatus.NO_CONTENT, tags=["sites"])
def remove_site(vault: Vault, site: str) -> None:
    vault.sites.remove(site)


@router.put("/sites/{site}/bandwidth", tags=["sites"])
def limit_site(vault: Vault, site: str, request: BandwidthShape) -> places.SiteShape:
    """How fast the site may send: a rate, and windows of the week in which another one holds. Replaces what held."""
    return vault.sites.limit(site, request)


@router.get("/sites/{site}/inventory", tags=["sites"])
def show_inventory(vault: Vault, site: str) -> inventories.SiteInventory:
    """All machines of the site, asked now; of a site that cannot be asked those that it had, and why."""
    return vault.machines.inventory(site)


@router.post("/sites/{site}/registration-key", status_code=HTTPStatus.CREATED, tags=["appliances"])
def create_registration_key(vault: Vault, site: str) -> places.RegistrationKey:
    """A key that enrolls one appliance within an hour; shown this once."""
    return vault.appliances.registration_key(site)


@router.get("/appliances", tags=["appliances"])
def list_appliances(vault: Vault, site: str | None = None) -> Sequence[places.ApplianceShape]:
    return vault.appliances.list(site)


@router.get("/appliances/{appliance}", tags=["appliances"])
def show_appliance(vault: Vault, appliance: str) -> places.ApplianceShape:
    return vault.appliances.show(appliance)


@router.delete("/appliances/{appliance}", status_code=HTTPStatus.NO_CONTENT, tags=["appliances"])
def remove_appliance(vault: Vault, appliance: str) -> None:
    """From now on its certificate is refused."""
    vault.appliances.remove(appliance)


@router.get("/networks", tags=["networks"])
def list_networks(vault: Vault, site: str | None = None) -> Sequence[inventories.SiteNetworks]:
    """Networks of the sites and the mappings from each; of a site that cannot be asked now those that it had, and why."""
    return vault.networks.list() if site is None else [vault.networks.of_site(site)]


@router.get("/networks/mappings", tags=["networks"])
def list_mappings(
    vault: Vault, source_site: str | None = None, target_site: str | None = None
) -> Sequence[places.NetworkMapping]:
    return vault.networks.mappings(source_site, target_site)


@router.put("/networks/mappings", tags=["networks"])
def map_network(vault: Vault, mapping: places.NetworkMapping) -> places.NetworkMapping:
    return vault.networks.map(mapping)


@router.delete("/networks/mappings", status_code=HTTPStatus.NO_CONTENT, tags=["networks"])
def unmap_network(vault: Vault, source_site: str, source_network: str, target_site: str) -> None:
    vault.networks.unmap(source_site, source_network, target_site)
