"""Routes: appliances and their enrollment."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import Response

from ...wire import rest
from ...wire.rest.places import DrainedAppliance
from ...wire.rest.preflights import ApplianceCheck
from ..access import Vault
from ..headers import LOCATION, OnceHeader, OpenOnceHeader, answers, locate
from ..routers import guarded, open_to_all
from .names import ApplianceName, OnlySite, SiteName

router = guarded("appliances")
open_router = open_to_all("appliances")
"""The router of calls without a token."""


@open_router.post("/enroll", responses=answers(HTTPStatus.OK, LOCATION))
def enroll(
    vault: Vault, response: Response, once: OpenOnceHeader, request: rest.EnrollRequest
) -> rest.EnrollAnswer:
    """Issues a certificate for a new appliance, or for one that is replaced; the registration key permits
    it."""
    answer = vault.appliances.enroll(request, once)
    locate(response, "appliances", answer.appliance_id)
    return answer


@router.post("/sites/{site}/registration-key", status_code=HTTPStatus.CREATED)
def create_registration_key(vault: Vault, once: OnceHeader, site: SiteName) -> rest.RegistrationKey:
    """Creates a key with which one appliance can enroll within an hour; it is shown only in this answer."""
    return vault.appliances.registration_key(site, once)


@router.post("/appliances/{appliance}/registration-key", status_code=HTTPStatus.CREATED)
def create_replacement_key(
    vault: Vault, once: OnceHeader, appliance: ApplianceName, request: rest.ReplacementKeyCreate
) -> rest.RegistrationKey:
    """Creates a key with which an appliance can enroll within an hour in place of a stolen or lost one: under
    its id, with a new key of its own. The key is shown only in this answer."""
    return vault.appliances.replacement_key(appliance, request, once)


@router.get("/appliances")
def list_appliances(vault: Vault, site: OnlySite = None) -> Sequence[rest.Appliance]:
    """All appliances, in the order in which they enrolled."""
    return vault.appliances.list(site)


@router.get("/appliances/{appliance}")
def show_appliance(vault: Vault, appliance: ApplianceName) -> rest.Appliance:
    """One appliance."""
    return vault.appliances.show(appliance)


@router.get("/appliances/{appliance}/check")
def check_appliance(vault: Vault, appliance: ApplianceName) -> ApplianceCheck:
    """Whether machines start at the appliance's host, and can be viewed there: it tries that with a tiny
    one of its own, which is removed."""
    return vault.host_checks.of(appliance)


@router.delete("/appliances/{appliance}", status_code=HTTPStatus.NO_CONTENT)
def delete_appliance(vault: Vault, appliance: ApplianceName) -> None:
    """Deletes an appliance: from now on its certificate is refused."""
    vault.appliances.delete(appliance)


@router.put("/appliances/{appliance}/drain")
def drain_appliance(vault: Vault, appliance: ApplianceName) -> DrainedAppliance:
    """Drains an appliance: nothing new is placed there, and a job has other hosts take over what lies there
    in stores that they reach; the rest is replicated and started there as before."""
    return vault.appliances.drain(appliance)


@router.delete("/appliances/{appliance}/drain")
def resume_appliance(vault: Vault, appliance: ApplianceName) -> rest.Appliance:
    """Ends the drain: new replicas are placed there again, and no more are moved away."""
    return vault.appliances.resume(appliance)


@router.post("/appliances/{appliance}/adopt")
def adopt(vault: Vault, appliance: ApplianceName, request: rest.AdoptionRequest) -> rest.Adoption:
    """Takes over what the appliance has of a vault that is gone: its machines, with points, settings and
    plans. Harmless when repeated; one portion at a time."""
    return vault.adoption.adopt(appliance, request)
