"""Routes: the scripts that run when a machine is moved."""

from http import HTTPStatus

from fastapi import Response

from ....wire.rest.settings.hooks import MachineHooks, MachineHooksChange
from ...access import Vault
from ...headers import ETAG, IfMatch, answers, tag
from ...routers import guarded
from ..names import MachineName

router = guarded("machines")


@router.get("/machines/{machine}/hooks", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_hooks(vault: Vault, response: Response, machine: MachineName) -> MachineHooks:
    """The scripts that run when the machine was started, and before it is stopped."""
    return tag(response, vault.hooks.show(machine))


@router.put("/machines/{machine}/hooks", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_hooks(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachineHooksChange
) -> MachineHooks:
    """In place of what was set; no hooks: none. Counts for verbs that are asked for from then on."""
    return tag(response, vault.hooks.change(machine, request, seen))
