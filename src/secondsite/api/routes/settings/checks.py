"""Routes: what is checked of a machine after each start."""

from http import HTTPStatus

from fastapi import Response

from ....wire.rest.settings.checks import MachineChecks, MachineChecksChange
from ...access import Vault
from ...headers import ETAG, IfMatch, answers, tag
from ...routers import guarded
from ..names import MachineName

router = guarded("machines")


@router.get("/machines/{machine}/checks", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_checks(vault: Vault, response: Response, machine: MachineName) -> MachineChecks:
    """What is checked of the machine after each start at its second site."""
    return tag(response, vault.checks.show(machine))


@router.put("/machines/{machine}/checks", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_checks(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachineChecksChange
) -> MachineChecks:
    """In place of what was set; no checks: none. Counts from the next start on."""
    return tag(response, vault.checks.change(machine, request, seen))
