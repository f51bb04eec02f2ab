"""secondsite appliance agents ...: which machines' agents may dial this appliance, at its own host."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...cli import output
from ...cli.exit_codes import Exit
from ...cli.options import Json
from ...cli.output import clock
from ...domain import errors
from ...domain.amounts import size
from ...ground.host import SHARE
from ..running import DEFAULT_APPLIANCE_HOME, ApplianceHome

if TYPE_CHECKING:
    from .server_disks import ServerDisks

app = typer.Typer(
    no_args_is_help=True, help="Agents of machines that dial this appliance; it may run meanwhile."
)

PROGRAM = SHARE / "secondsite-agent"
Program = Annotated[
    Path,
    typer.Option(help="The agent's program; by default the one installed with this one.", show_default=False),
]
"""Without the path: manual pages are made before the program lies where it is used."""


def _until(at: datetime | None, *, is_guest: bool) -> str:
    if at is None:
        return "revoked"
    return "its home's" if is_guest else clock(at)


Machine = Annotated[
    str, typer.Argument(help="Its name, or its id as 'list' shows it.", metavar="MACHINE", show_default=False)
]
COLUMNS: Sequence[output.Column] = (
    ("machine", lambda each: each.name),
    ("id", lambda each: each.agent_id),
    ("enrolled", lambda each: clock(each.enrolled_at)),
    ("last heard", lambda each: "never" if each.heard_at is None else clock(each.heard_at)),
    ("version", lambda each: each.version or "-"),
    ("certificate until", lambda each: _until(each.valid_until, is_guest=each.is_guest)),
)


DISK_COLUMNS: Sequence[output.Column] = (
    ("disk", lambda each: each.serial),
    ("name", lambda each: each.name),
    ("size", lambda each: size(each.size_bytes)),
    ("holds", lambda each: each.holds or "-"),
    ("not offered", lambda each: each.refused or "-"),
)


@app.command()
def key(
    hours: Annotated[int, typer.Option(help="How long it is valid; 744 at most.")] = 72,
    machine: Annotated[
        str | None,
        typer.Option("--for", metavar="MACHINE", help="A known machine that is to be enrolled again."),
    ] = None,
    rescue: Annotated[
        bool,
        typer.Option("--rescue", help="For the rescue system on that machine; its own agent stays accepted."),
    ] = False,
    other_disks: Annotated[
        bool,
        typer.Option("--other-disks", help="With --rescue: on another server, whose disks are other ones."),
    ] = False,
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    as_json: Json = False,
) -> None:
    """Make a registration key, by which one machine comes in, once."""
    from .keys import new_key
    from .registry import shown

    made = new_key(home, hours, machine, rescue, other_disks=other_disks)
    if as_json:
        output.show_json({"key": made.key, "addresses": list(made.addresses)})
        return
    output.say(made.key)
    output.say(_next(shown(home), rescue=rescue))


def _next(where: str, *, rescue: bool) -> str:
    if rescue:
        return (
            f"next: start the server from the rescue image; it asks for them, or words for its kernel tell: "
            f"secondsite.appliance={where} secondsite.key=KEY"
        )
    return f"next, as root in the machine: secondsite-agent install --appliance {where} KEY"


@app.command()
def where(home: ApplianceHome = DEFAULT_APPLIANCE_HOME, as_json: Json = False) -> None:
    """Where agents call this appliance, and the SHA-256 by which they know it."""
    from . import registry

    found = registry.where(home)
    if as_json:
        output.show_json({"addresses": list(found.addresses), "authority": found.authority})
        return
    at = registry.shown(home)
    output.say(f"{at} {found.authority}")
    output.say(
        f"if the agent in a machine that was moved here does not know it, there: secondsite-agent call "
        f"--appliance {at} {found.authority}"
    )


@app.command()
def disks(
    machine: Machine,
    disk: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=SERIAL",
            help="This disk of the server is to be that disk of the machine (sda=S3Z1NB0K); none: it does "
            "not come home. Repeat it. Others are chosen where only one is large enough.",
        ),
    ] = None,
    overwrite: Annotated[
        list[str] | None,
        typer.Option(metavar="SERIAL", help="What this disk of the server holds may go; repeat it."),
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="It comes home to its own disks; forget what was decided.")
    ] = False,
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    as_json: Json = False,
) -> None:
    """The disks of the server that runs for a machine from the rescue image, and which it comes home to."""
    from . import server_disks

    if own:
        output.say(server_disks.own_disks(home, machine))
        return
    if disk or overwrite:
        server_disks.decide_disks(home, machine, disk or (), overwrite or ())
    found = server_disks.server_disks(home, machine)
    if as_json:
        decided = found.decided.model_dump() if found.decided is not None else None
        output.show_json({"disks": [dataclasses.asdict(each) for each in found.disks], "decided": decided})
        return
    output.show_table(found.disks, DISK_COLUMNS, "No server has called for this machine yet.")
    output.say(_decided(found))


def _decided(found: "ServerDisks") -> str:
    if found.decided is None:
        return f"{found.machine} comes home to its own disks."
    chosen = [f"{key} to {disk}" for key, disk in sorted(found.decided.chosen.items())]
    others = "the disks that alone are large enough"
    gone = f"; what {', '.join(found.decided.overwrite)} holds may go" if found.decided.overwrite else ""
    return f"{found.machine} comes home to other disks: {', '.join(chosen) or others}{gone}."


@app.command("list")
def show_list(home: ApplianceHome = DEFAULT_APPLIANCE_HOME, as_json: Json = False) -> None:
    """Which machines are enrolled, and when each was heard last, within a minute."""
    from . import enrolled

    found = enrolled.listed(home)
    if as_json:
        output.show_json({"agents": [dataclasses.asdict(each) for each in found]})
        return
    output.show_table(found, COLUMNS, "No agents.")


@app.command()
def revoke(machine: Machine, home: ApplianceHome = DEFAULT_APPLIANCE_HOME, as_json: Json = False) -> None:
    """Accept an agent no more: its connections end at once, and it needs a new key to come back."""
    from . import enrolled

    sentence = enrolled.revoke(home, machine)
    if as_json:
        output.show_json({"machine": machine, "sentence": sentence})
        return
    output.say(sentence)


@app.command()
def upgrade(
    machines: Annotated[
        list[str] | None,
        typer.Argument(help="Names or ids as 'list' shows them.", metavar="[MACHINE]...", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are enrolled.")] = False,
    program: Program = PROGRAM,
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    as_json: Json = False,
) -> None:
    """Have agents replaced by this appliance's program, one after the other. Each starts anew, so its disks
    are compared; one that does not connect within minutes goes back. Ends with 4 if any was not."""
    from . import upgrading

    if every == bool(machines):
        raise errors.InvalidArgument("Which agents?", do="Name machines, or give --all.")
    failed, told = False, []
    for each in upgrading.upgrade(home, tuple(machines or ()), program):
        failed |= not each.done
        told.append(dataclasses.asdict(each))
        if not as_json:
            output.say(each.sentence)
    if as_json:
        output.show_json({"agents": told})
    raise typer.Exit(Exit.NOT_POSSIBLE_NOW if failed else Exit.OK)


@app.command()
def push(
    to: Annotated[str, typer.Argument(help="As ssh takes it.", metavar="root@HOST", show_default=False)],
    address: Annotated[
        list[str] | None,
        typer.Option(
            help="HOST:PORT at which the machine reaches this appliance; repeat it. By default the hosts "
            "that the other site reaches."
        ),
    ] = None,
    program: Program = PROGRAM,
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    as_json: Json = False,
) -> None:
    """Copy the agent to a machine by this host's ssh, install it there, and enroll it."""
    from . import pushing

    sentence = pushing.push(home, to, tuple(address or ()), program)
    if as_json:
        output.show_json({"machine": to, "sentence": sentence})
        return
    output.say(sentence)
