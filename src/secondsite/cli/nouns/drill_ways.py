"""secondsite drill pass, passes, end-pass, console, screen, connect: people in the machine of an open test
failover."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import typer

from ...client import Vault
from ...client.lines import Line
from ...domain import errors
from ...domain.amounts import span
from ...domain.drills.ways import WayKind
from ...ground.units import HOUR
from ...wire.rest.access import drill_passes as rest
from .. import amount_options, drill_lines, output
from ..options import Json, MachineName, connect
from ..output import clock

Person = Annotated[
    str, typer.Argument(help="Name of a token, or of a person who logs in.", show_default=False)
]
LocalPort = Annotated[
    int,
    typer.Option(
        "--local-port", min=0, max=65535, help="The port of this computer; 0: one that is free.",
    ),
]  # fmt: skip


def give(
    context: typer.Context,
    person: Person,
    machines: Annotated[
        list[str], typer.Argument(help="Names or ids of machines.", metavar="MACHINE...", show_default=False)
    ],
    lasts: Annotated[
        float,
        typer.Option(
            "--for", parser=amount_options.seconds, metavar="SPAN",
            help="For how long, such as 2h; the clean-up ends it in any case.",
        ),
    ] = 8 * HOUR,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Let a person into the machines of open test failovers.

    Example: secondsite drill pass ann web01 db01 --for 2h"""
    with connect(context) as vault:
        given = [vault.machines[each].drill.give_pass(person, lasts_seconds=int(lasts)) for each in machines]
    if as_json:
        output.show_json(given)
        return
    for name, each in zip(machines, given, strict=True):
        output.say(f"{each.who} may come into the test machine of {name} until {clock(each.until)}")


def passes(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """Who may come into the machine of an open test failover, and who did.

    Example: secondsite drill passes web01"""
    with connect(context) as vault:
        found = vault.machines[machine].drill.entries()
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        found.passes,
        (
            ("pass", lambda each: each.id[:10]),
            ("who", lambda each: each.who),
            ("until", lambda each: clock(each.until)),
            ("given by", lambda each: each.given_by),
        ),
        "Nobody may come in: secondsite drill pass PERSON MACHINE",
    )
    if found.visits:
        output.show_table(found.visits, VISITS, "")


VISITS: tuple[tuple[str, Callable[[rest.DrillVisitInfo], str]], ...] = (
    ("who", lambda each: each.who),
    ("where", lambda each: each.what),
    ("from", lambda each: clock(each.began_at)),
    ("for", lambda each: span((each.ended_at - each.began_at).total_seconds()) if each.ended_at else "open"),
    ("bytes in", lambda each: str(each.sent_bytes)),
    ("bytes out", lambda each: str(each.received_bytes)),
    ("ended", lambda each: each.why or "-"),
)


def end_pass(
    context: typer.Context,
    machine: MachineName,
    which: Annotated[
        str,
        typer.Argument(help="Its id, a beginning of it, or the person.", metavar="PASS", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """End a pass. Whoever is in by it is out within some seconds.

    Example: secondsite drill end-pass web01 ann"""
    with connect(context) as vault:
        drill = vault.machines[machine].drill
        drill.end_pass(_meant(which, drill.entries().passes))
    output.show_deleted("pass", which, as_json)


def _meant(which: str, passes: Sequence[rest.DrillPassInfo]) -> str:
    """The id of the pass that is meant. Raises InvalidArgument for a beginning that several have."""
    mine = [each.id for each in passes if which and which in (each.who, each.id[: len(which)])]
    if len(mine) > 1 and which not in mine:
        raise errors.InvalidArgument(
            f"'{which}' is a beginning of several passes.", do="Give more of its id, or the person."
        )
    return mine[0] if mine else which


def console(context: typer.Context, machine: MachineName) -> None:
    """The serial console of a test machine, at this terminal; Ctrl-] leaves. Needs a pass.

    Example: secondsite drill console web01"""
    with connect(context) as vault:
        drill_lines.terminal(_enter(vault, machine, WayKind.CONSOLE))


def screen(context: typer.Context, machine: MachineName, local_port: LocalPort = 0) -> None:
    """The screen of a test machine, for a VNC viewer on this computer, until Ctrl-C. Needs a pass.

    Example: secondsite drill screen web01"""
    with connect(context) as vault:
        enter = _enter(vault, machine, WayKind.SCREEN)
        drill_lines.local_port(
            enter, local_port, lambda at: output.say(f"a viewer finds it at 127.0.0.1:{at}")
        )


def connect_port(
    context: typer.Context,
    machine: MachineName,
    port: Annotated[int, typer.Argument(min=1, max=65535, help="A TCP port of it.", show_default=False)],
    address: Annotated[
        str | None,
        typer.Option(
            help="Its IPv4 address, where no guest agent and no lease tells it.", show_default=False
        ),
    ] = None,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Not by a port of this computer, but by input and output.")
    ] = False,
    local_port: LocalPort = 0,
) -> None:
    """A TCP port of a test machine, by a port of this computer, until Ctrl-C. Needs a pass.

    Example: secondsite drill connect web01 22"""
    with connect(context) as vault:
        enter = _enter(vault, machine, WayKind.PORT, port, address)
        if stdio:
            drill_lines.pipe(enter)
            return
        drill_lines.local_port(
            enter, local_port, lambda at: output.say(f"port {port} of its test machine is 127.0.0.1:{at}")
        )


def register(app: typer.Typer) -> None:
    """Adds the commands to the noun 'drill'."""
    for name, function in (
        ("pass", give),
        ("passes", passes),
        ("end-pass", end_pass),
        ("console", console),
        ("screen", screen),
        ("connect", connect_port),
    ):
        app.command(name)(function)


def _enter(
    vault: Vault, machine: str, kind: WayKind, port: int | None = None, address: str | None = None
) -> Callable[[], Awaitable[Line]]:
    return lambda: vault.machines[machine].drill.enter(kind, port=port, address=address)
