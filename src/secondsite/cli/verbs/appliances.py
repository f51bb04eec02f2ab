"""secondsite machine appliances: which appliances could hold the replica, and why others could not."""

from typing import Annotated

import typer

from ...domain.amounts import size, span
from ...wire.rest.preflights import ApplianceCandidate, ApplianceCandidates
from .. import output
from ..options import Json, MachineName, connect, way


def appliances(
    context: typer.Context,
    machine: MachineName,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Of a machine that is not protected: the site where it runs."),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="And the site that would hold its replica.")
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Whether the replica would be encrypted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Which appliances could hold its replica when it is protected back or, with --source and --target, when
    it is protected for the first time. All are asked, nothing is changed."""
    with connect(context) as vault:
        if sites := way(source, target):
            found = vault.sites[sites[0]].appliances_for(machine, sites[1], encrypt=encrypt)
        else:
            found = vault.machines[machine].appliances()
    if as_json:
        output.show_json(found)
    else:
        _show(found)


def _show(found: ApplianceCandidates) -> None:
    if found.needed_bytes is not None:
        output.say(f"a full copy of {found.machine} needs {size(found.needed_bytes)} at most")
    output.show_table(
        found.appliances,
        (
            ("appliance", lambda each: each.name),
            ("site", lambda each: each.site),
            ("host", lambda each: each.host or "-"),
            ("fits", _fits),
            ("free", lambda each: "-" if each.store_free_bytes is None else size(each.store_free_bytes)),
            ("coming home", _coming),
            (
                "reached in",
                lambda each: "-" if each.seconds_to_reach is None else span(each.seconds_to_reach),
            ),
        ),
        f"Site {found.site} has no appliance.",
    )
    for each in found.appliances:
        if each.had_the_machine:
            output.say(f"{each.name} had the machine: {_old_disks(each)}")
        for obstacle in each.obstacles:
            kind = "in the way" if obstacle.blocking else "warning"
            output.say(f"{each.name}: {kind}: {obstacle.what} {obstacle.do}")


def _fits(each: ApplianceCandidate) -> str:
    return ("yes" if each.fits else "no") + (", taken if none is named" if each.chosen else "")


def _coming(each: ApplianceCandidate) -> str:
    most = "" if each.most_disks_home is None else f" of {each.most_disks_home}"
    return f"{each.disks_coming_home}{most} disks"


def _old_disks(each: ApplianceCandidate) -> str:
    if each.original:
        return "its old disks are there, so with '--location original' only changes are sent"
    return f"its old disks cannot be used: {each.why_not_original}"
