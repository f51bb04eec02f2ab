"""Routes: settings of single machines: network cards, checks after a start, hooks, properties at the second
site."""

from http import HTTPStatus

from fastapi import Response

from ...wire.rest.machine_settings import (
    MachineChecks,
    MachineChecksChange,
    MachineHooks,
    MachineHooksChange,
    MachineProperties,
    MachinePropertiesChange,
    MachineSettings,
    MachineSettingsChange,
)
from ...wire.rest.preflights import Connecting
from ..access import Vault
from ..headers import ETAG, IfMatch, answers, tag
from ..routers import guarded
from .names import LineName, MachineName

router = guarded("machines")


@router.get("/machines/{machine}/settings", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_settings(vault: Vault, response: Response, machine: MachineName) -> MachineSettings:
    """The settings of the machine's network cards, and what they are connected to after a failover."""
    return tag(response, vault.settings.show(machine))


@router.put("/machines/{machine}/settings", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_settings(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachineSettingsChange
) -> MachineSettings:
    """Replaces the settings of the machine's network cards: a card that is not named is connected by the
    mappings. Takes effect with the next failover."""
    return tag(response, vault.settings.change(machine, request, seen))


@router.get("/machines/{machine}/checks", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_checks(vault: Vault, response: Response, machine: MachineName) -> MachineChecks:
    """The checks of the machine after each start at its second site."""
    return tag(response, vault.checks.show(machine))


@router.put("/machines/{machine}/checks", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_checks(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachineChecksChange
) -> MachineChecks:
    """Replaces the checks of the machine; an empty list removes them. Takes effect with the next start."""
    return tag(response, vault.checks.change(machine, request, seen))


@router.get("/machines/{machine}/connecting")
def show_connecting(vault: Vault, machine: MachineName) -> Connecting:
    """What lets somebody connect to the machine after a failover: each line as an agent in it saw it, as a
    person confirmed it, or open. None of it stops a failover."""
    return vault.connections.show(machine)


@router.put("/machines/{machine}/connecting/{line}")
def confirm_line(vault: Vault, machine: MachineName, line: LineName) -> Connecting:
    """Confirms a line of what lets somebody connect: it is remembered with the instant and the caller's name.
    It counts for as long as the line says, and not against what an agent in the machine sees."""
    return vault.connections.confirm(machine, line)


@router.delete("/machines/{machine}/connecting/{line}")
def take_back_line(vault: Vault, machine: MachineName, line: LineName) -> Connecting:
    """Takes the confirmation of a line back; harmless if there is none."""
    return vault.connections.take_back(machine, line)


@router.get("/machines/{machine}/hooks", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_hooks(vault: Vault, response: Response, machine: MachineName) -> MachineHooks:
    """The scripts that run after the machine was started, and before it is stopped."""
    return tag(response, vault.hooks.show(machine))


@router.put("/machines/{machine}/hooks", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_hooks(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachineHooksChange
) -> MachineHooks:
    """Replaces the hooks of the machine; an empty list removes them. Takes effect for verbs that are started
    from then on."""
    return tag(response, vault.hooks.change(machine, request, seen))


@router.get("/machines/{machine}/properties", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_properties(vault: Vault, response: Response, machine: MachineName) -> MachineProperties:
    """The name, vCPUs and memory that are set for the machine after a failover."""
    return tag(response, vault.properties.show(machine))


@router.put("/machines/{machine}/properties", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_properties(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: MachinePropertiesChange
) -> MachineProperties:
    """Replaces the properties; a null is as at home. Takes effect with the next start."""
    return tag(response, vault.properties.change(machine, request, seen))
