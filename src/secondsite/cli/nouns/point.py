"""secondsite point ..."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer

from ...domain import errors, shell
from ...domain.amounts import size, span
from ...domain.points import MOST_OLDER, RecoveryPointChoice
from ...ground.plural import counted
from ...wire import rest
from ...wire.common.guest_files import FileKind
from ...wire.common.points import JournalStretch, PointShape
from .. import exit_codes, follow, output, received_archive
from ..former_words import Noun
from ..options import Json, MachineName, NoWait, connect
from ..output import clock
from ..verbs import choices as offered
from ..verbs import instants, properties, verifying
from ..verbs.instants import At

PointId = Annotated[str, typer.Argument(help="Id of a point.", metavar="POINT", show_default=False)]

app = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Recovery points: the instants a machine can be started from."
)


@app.command("list")
def show_list(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """The points of a machine, newest first."""
    with connect(context) as vault:
        points, shown = list(vault.machines[machine].points), vault.machines[machine].show()
    journal = shown.journal.stretches
    if as_json:
        output.show_json(points)
        return
    output.show_table(
        points,
        (
            ("id", lambda p: p.id),
            ("taken", lambda p: clock(p.taken_at)),
            ("consistency", lambda p: p.kind + (f" ({p.reason})" if p.reason else "")),
            ("disks", lambda p: " ".join(p.disks)),
            ("set", lambda p: p.set_id),
            ("added", lambda p: size(p.added_bytes)),
            ("held", lambda p: p.held),
            ("grade", lambda p: p.grade),
            ("verified", lambda p: clock(p.verified_at) if p.verified_at else ""),
            ("", lambda p: _mark(p, shown.failover)),
        ),
        _why_none(shown),
    )
    for stretch in journal:
        output.say(_said(stretch))


def _mark(point: PointShape, failover: rest.CurrentFailover | None) -> str:
    """What stands out of a point. A failover may have been started from an instant after it."""
    forward = failover and failover.point_id == point.id and failover.rolled_forward_to
    if point.damaged or not point.committed:
        return "DAMAGED" if point.damaged else ""
    return f"committed, rolled forward to {clock(forward)}" if forward else "committed"


def _said(stretch: JournalStretch) -> str:
    """A stretch of the journal. Both times are whole seconds inside it, so either can be given to --at."""
    begins_at = stretch.begins_at + timedelta(microseconds=999_999)
    return (
        f"journal: any cycle from {clock(begins_at)} to {clock(stretch.ends_at)} (--at TIME), "
        f"{stretch.cycles} beside the points"
    )


@app.command()
def hold(
    context: typer.Context,
    machine: MachineName,
    point: PointId,
    reason: Annotated[
        str, typer.Option(help="Why the point is kept; shown in 'point list'.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Keep a point, whatever retention says, until it is released."""
    with connect(context) as vault:
        held = vault.machines[machine].points[point].hold(reason)
    if as_json:
        output.show_json(held)
    else:
        output.say(f"point {held.id} is held: {held.held}")


@app.command()
def release(context: typer.Context, machine: MachineName, point: PointId, as_json: Json = False) -> None:
    """End the hold of a point: retention decides about it again."""
    with connect(context) as vault:
        released = vault.machines[machine].points[point].release()
    if as_json:
        output.show_json(released)
    else:
        output.say(f"point {released.id} is not held")


@app.command()
def verify(
    context: typer.Context,
    machine: MachineName,
    point: PointId,
    boot: Annotated[
        bool,
        typer.Option("--boot", help="Boot a copy from it, look at it, and remove it; no drill is opened."),
    ] = False,
    network: Annotated[
        verifying.CopyNetworkName | None,
        typer.Option(
            help=(
                "With --boot: isolated, in which ports and pages are checked, or none; what 'site verify' "
                "set if it is not given."
            )
        ),
    ] = None,
    or_older: Annotated[
        int,
        typer.Option(
            help=(
                "With --boot: how many older points to boot as well, each twice as far back, until one is "
                "usable."
            ),
            min=0,
            max=MOST_OLDER,
        ),
    ] = 0,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Read a point at the target and compare it with what was sealed; with --boot, see whether it boots. A
    damaged one is marked and not picked."""
    if network is not None and not boot:
        raise errors.InvalidArgument("Without --boot there is no copy that has a network.", do="Add --boot.")
    if or_older and not boot:
        raise errors.InvalidArgument("Without --boot no older point is booted either.", do="Add --boot.")
    with connect(context) as vault:
        found = vault.machines[machine].points[point]
        job = found.boot(verifying.network(network), or_older) if boot else found.verify()
        ended = follow.to_its_end(vault, job, no_wait, as_json)
    raise typer.Exit(ended)


@app.command()
def restore(
    context: typer.Context,
    machine: MachineName,
    point: PointId,
    name: Annotated[str, typer.Option("--name", help="The new machine's name.", show_default=False)],
    folder: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="Where its disks will lie: the absolute path of a folder of the target's host.",
            show_default=False,
        ),
    ],
    network: Annotated[
        str | None,
        typer.Option(help="The network there of all its cards; without it, it has no cards."),
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="Start it.")] = False,
    unencrypted: Annotated[
        bool, typer.Option("--unencrypted", help="Also from an encrypted replica: its disks will not be.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Make a machine of its own from a point, at the target's site; the protected one runs on, and nothing of
    it changes. It is yours: look at it, take data out, protect it, or remove it as any machine there."""
    with connect(context) as vault:
        job = (
            vault.machines[machine]
            .points[point]
            .restore(name, folder, network=network, start=start, unencrypted=unencrypted)
        )
        ended = follow.to_its_end(vault, job, no_wait, as_json)
    raise typer.Exit(ended)


@app.command("list-files")
def list_files(
    context: typer.Context,
    machine: MachineName,
    point: PointId,
    path: Annotated[
        str, typer.Argument(help="A folder in it, such as vda1/etc; without it, its volumes.")
    ] = "",
    as_json: Json = False,
) -> None:
    """List the files of a folder in a point. A machine of the target's own reads them, which takes seconds;
    the audit log has who did."""
    with connect(context) as vault:
        found = list(vault.machines[machine].points[point].files(path))
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        found,
        (
            ("name", lambda f: f.name),
            ("kind", lambda f: f.kind.value),
            ("size", lambda f: size(f.size_bytes)),
            ("modified", lambda f: clock(f.modified_at) if f.modified_at else ""),
            ("mode", lambda f: "" if f.kind == FileKind.VOLUME else f"{f.permissions:04o}"),
            ("", lambda f: f.about),
        ),
        "The folder is empty." if path else "The point has no file system that is known.",
    )


@app.command("fetch-files")
def fetch_files(
    context: typer.Context,
    machine: MachineName,
    point: PointId,
    path: Annotated[
        str,
        typer.Argument(
            help="A file in it, or a folder with all below, such as vda1/etc/hosts.", show_default=False
        ),
    ],
    archive: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="A tar archive of them, on this computer; '-': to this command's output.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="Where they will lie: the absolute path of a folder of the target's host.",
            show_default=False,
        ),
    ] = None,
    unencrypted: Annotated[
        bool, typer.Option("--unencrypted", help="Also from an encrypted replica: the files will not be.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Fetch a file of a point, or a folder with all below it, as an archive to this computer, or into a
    folder of the target's host. Nothing that is there is overwritten."""
    if (folder is None) == (archive is None):
        raise errors.InvalidArgument(
            "Where the files are to go is not said, or said twice.",
            do="Give one: '--output FILE' for this computer, '--to FOLDER' for the target's host.",
        )
    with connect(context) as vault:
        wanted = vault.machines[machine].points[point]
        if archive is not None:
            _receive(wanted.send_files(path, unencrypted=unencrypted), archive, as_json)
            return
        assert folder is not None
        job = wanted.fetch_files(path, folder, unencrypted=unencrypted)
        ended = follow.to_its_end(vault, job, no_wait, as_json)
    raise typer.Exit(ended)


def _receive(pieces: Iterator[bytes], archive: str, as_json: bool) -> None:
    """The program's output is the archive's, if it goes there: then nothing else is said."""
    received_archive.require_new(archive)
    size_bytes = received_archive.write(pieces, archive)
    if archive == received_archive.STANDARD:
        return
    if as_json:
        output.show_json({"file": archive, "size_bytes": size_bytes})
    else:
        output.say(f"{archive} has them: {size(size_bytes)}")


@app.command()
def preview(
    context: typer.Context,
    machine: MachineName,
    choice: Annotated[
        RecoveryPointChoice | None, typer.Option(help="The choice to preview; latest if nothing is given.")
    ] = None,
    point: Annotated[str | None, typer.Option(help="The id of a point to preview.")] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Which point a failover would start from now, and what it would lose. Starts nothing."""
    if point is not None and choice not in (None, RecoveryPointChoice.CUSTOM):
        raise errors.InvalidArgument("--point and --choice were given.", do="Give one of them.")
    start = instants.start(
        choice, point, at, RecoveryPointChoice.CUSTOM if point else RecoveryPointChoice.LATEST
    )
    asked = at or start.choice
    with connect(context) as vault:
        answer = vault.machines[machine].preview(start.choice, start.point, start.at)
        given_up = "" if as_json else _given_up(vault.machines[machine].show())
    if as_json:
        output.show_json(answer)
        raise typer.Exit(exit_codes.of_problem(answer.problem))
    if answer.point is None:
        raise (answer.problem.raised() if answer.problem else AssertionError)
    loses = span(answer.loses_seconds)
    taken = clock(answer.forward.taken_at if answer.forward else answer.point.taken_at)
    what = f"{answer.point.id}, rolled forward to" if answer.forward else f"{answer.point.id}, taken"
    output.say(f"{asked} would use {what} {taken}; it would lose {loses}{given_up}")
    if there := properties.described(answer.second_site):
        output.say(f"{answer.machine} would be {there} there")


@app.command()
def choices(
    context: typer.Context, machine: MachineName, verb: offered.For = "failover", as_json: Json = False
) -> None:
    """Exactly what may be chosen to start from now: each choice with its instant, and what it would lose.
    Starts nothing."""
    with connect(context) as vault:
        found = vault.machines[machine].choices(offered.verb_of(verb))
        shown = None if as_json else vault.machines[machine].show()
    if shown is None:
        output.show_json(found)
        return
    offered.show(offered.of_machine(found), "" if found.choices else _why_none(shown))
    if found.choices and (given_up := _given_up(shown)):
        output.say(f"each loses what is said{given_up}")


def _given_up(machine: rest.Machine) -> str:
    """The part of a sentence on what a change of the point loses besides what its source wrote."""
    if machine.state not in ("failed_over", "planned_failed_over"):
        return ""
    return f", and all that {machine.name} wrote at {machine.target_site} since its failover"


def _why_none(machine: rest.Machine) -> str:
    """Why no point can be chosen. A machine that was committed has one point, on which it stands."""
    if machine.points.count and machine.state == "protected":
        return (
            f"None of its {counted(machine.points.count, 'recovery point')} can be used: 'secondsite point "
            f"list {shell.arguments(machine.name)}' says why."
        )
    if machine.state in ("enabling", "initial_replicating", "reprotecting", "protected"):
        return "No recovery points yet: initial replication has not ended."
    return (
        f"No recovery point can be chosen: {machine.name} is {output.words(machine.state)}, and nothing is "
        "replicated until it is protected again."
    )
