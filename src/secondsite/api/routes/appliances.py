"""Routes: appliances, and how a new one gets in."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import Response

from ...wire import rest
from ..access import Vault
from ..headers import LOCATION, OnceHeader, OpenOnceHeader, answers, locate
from ..routers import guarded, open_to_all
from .names import ApplianceName, OnlySite, SiteName

router = guarded("appliances")
open_router = open_to_all("appliances")
"""Calls without a token."""


@open_router.post("/enroll", responses=answers(HTTPStatus.OK, LOCATION))
def enroll(
    vault: Vault, response: Response, once: OpenOnceHeader, request: rest.EnrollRequest
) -> rest.EnrollAnswer:
    """A certificate for a new appliance, or for one that is replaced; the registration key is what lets it
    in."""
    answer = vault.appliances.enroll(request, once)
    locate(response, "appliances", answer.appliance_id)
    return answer


@router.post("/sites/{site}/registration-key", status_code=HTTPStatus.CREATED)
def create_registration_key(vault: Vault, once: OnceHeader, site: SiteName) -> rest.RegistrationKey:
    """A key that enrolls one appliance within an hour; shown this once."""
    return vault.appliances.registration_key(site, once)


@router.post("/appliances/{appliance}/registration-key", status_code=HTTPStatus.CREATED)
def create_replacement_key(
    vault: Vault, once: OnceHeader, appliance: ApplianceName, request: rest.ReplacementKeyCreate
) -> rest.RegistrationKey:
    """A key that enrolls, within an hour, what takes the place of a stolen or lost appliance: under its
    id, with a new key. Shown this once."""
    return vault.appliances.replacement_key(appliance, request, once)


@router.get("/appliances")
def list_appliances(vault: Vault, site: OnlySite = None) -> Sequence[rest.Appliance]:
    """In the order in which they enrolled."""
    return vault.appliances.list(site)


@router.get("/appliances/{appliance}")
def show_appliance(vault: Vault, appliance: ApplianceName) -> rest.Appliance:
    """One appliance."""
    return vault.appliances.show(appliance)


@router.delete("/appliances/{appliance}", status_code=HTTPStatus.NO_CONTENT)
def delete_appliance(vault: Vault, appliance: ApplianceName) -> None:
    """From now on its certificate is refused."""
    vault.appliances.delete(appliance)


@router.post("/appliances/{appliance}/adopt")
def adopt(vault: Vault, appliance: ApplianceName, request: rest.AdoptionRequest) -> rest.Adoption:
    """What the appliance has of a vault that is gone is this vault's from now on: its machines, with
    points, settings and plans. Harmless when repeated; one portion at a time."""
    return vault.adoption.adopt(appliance, request)
