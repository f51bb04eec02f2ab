"""Routes: how a machine's network cards are connected at its second site."""

from http import HTTPStatus

from fastapi import Response

from ....wire.rest.settings.cards import MachineSettings, MachineSettingsChange
from ...access import Vault
from ...headers import ETAG, IfMatch, answers, tag
from ...routers import guarded
from ..names import MachineName

router = guarded("machines")


@router.get("/machines/{machine}/settings", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_settings(vault: Vault, response: Response, machine: MachineName) -> MachineSettings:
    """What is set for the machine's network cards, and what they are connected to after a failover."""
    return tag(response, vault.settings.show(machine))


@router.put("/machines/{machine}/settings", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_settings(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachineSettingsChange
) -> MachineSettings:
    """In place of what was set: a card that is not named is connected by the mappings. Counts from the next failover on."""
    return tag(response, vault.settings.change(machine, request, seen))
