"""Routes: what a machine is like at its second site."""

from http import HTTPStatus

from fastapi import Response

from ....wire.rest.settings.properties import MachineProperties, MachinePropertiesChange
from ...access import Vault
from ...headers import ETAG, IfMatch, answers, tag
from ...routers import guarded
from ..names import MachineName

router = guarded("machines")


@router.get("/machines/{machine}/properties", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_properties(vault: Vault, response: Response, machine: MachineName) -> MachineProperties:
    """The machine's name, vCPUs and memory after a failover, as is set for it."""
    return tag(response, vault.properties.show(machine))


@router.put("/machines/{machine}/properties", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_properties(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachinePropertiesChange
) -> MachineProperties:
    """In place of what was set; what is null is as at home. Counts from the next start on."""
    return tag(response, vault.properties.change(machine, request, seen))
