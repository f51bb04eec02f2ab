"""secondsite check ..."""

from typing import Annotated

import typer

from ....wire.common.machine_checks import USUAL_SECONDS, CheckKind, MachineCheck
from ....wire.rest.machine_settings import MachineChecks
from ... import output
from ...former_words import Noun
from ...options import Json, MachineName, connect
from . import things

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Checks of a machine: what must answer after each start for the start to count as proven.",
)
CheckName = Annotated[str, typer.Argument(help="Name of the check.", metavar="CHECK", show_default=False)]


@app.command("list")
def show_list(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """What is checked of a machine after each start by a verb. The verdicts are in the last task of its
    job."""
    with connect(context) as vault:
        found = vault.machines[machine].checks()
    _show(found, as_json)


@app.command("set")
def change(
    context: typer.Context,
    machine: MachineName,
    name: CheckName,
    kind: Annotated[
        CheckKind,
        typer.Option(
            help=(
                "What is looked at: a port, a page, the console, the guest agent, or the file systems, as "
                "the agent tells of them."
            )
        ),
    ],
    port: Annotated[
        int | None, typer.Option(help="TCP port, of tcp and http; http without it: 80.", show_default=False)
    ] = None,
    path: Annotated[str, typer.Option(help="What http asks for.")] = "/",
    status: Annotated[int, typer.Option(help="The status that http expects.")] = 200,
    text: Annotated[
        str | None,
        typer.Option(help="What the page, or the console, must say.", show_default=False),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="The machine's IPv4 address there, if nothing tells it.", show_default=False),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A free IPv4 address of the machine's network from which to ask: 10.1.2.250/24.",
            metavar="ADDRESS",
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[
        float, typer.Option(help="Seconds that it may take from the start on.")
    ] = USUAL_SECONDS,
    as_json: Json = False,
) -> None:
    """Set a check, or replace the one of that name: 'secondsite check set web01 page --kind http --path
    /alive --text up --deadline 120'. Counts from the machine's next start on. Refused if somebody changes
    the checks meanwhile."""
    wanted = things.made(
        MachineCheck,
        "check",
        name=name,
        kind=kind,
        port=port,
        path=path,
        status=status,
        text=text,
        address=address,
        source=source,
        deadline_seconds=deadline,
    )
    with connect(context) as vault:
        handle = vault.machines[machine]
        seen = handle.checks()
        _show(handle.set_checks(things.put(seen.checks, wanted), seen=seen), as_json)


@app.command("clear")
def clear(
    context: typer.Context,
    machine: MachineName,
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the check; all without it.", metavar="CHECK", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check no longer; without a name nothing is checked any more: secondsite check clear web01 page."""
    with connect(context) as vault:
        handle = vault.machines[machine]
        seen = handle.checks()
        kept = things.without(seen.checks, name, noun="check", machine=seen.name)
        _show(handle.set_checks(kept, seen=seen), as_json)


def _show(found: MachineChecks, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        found.checks,
        (
            ("check", lambda c: c.name),
            ("kind", lambda c: c.kind),
            ("expects", _expects),
            ("address", lambda c: c.address or "as told"),
            ("from", lambda c: c.source or "-"),
            ("within", lambda c: f"{c.deadline_seconds:g} s"),
        ),
        f"Nothing is checked of {found.name}.",
    )


def _expects(check: MachineCheck) -> str:
    if check.kind is CheckKind.TCP:
        return f"port {check.port} open"
    if check.kind is CheckKind.HTTP:
        said = f" with '{check.text}'" if check.text else ""
        return f"{check.status}{said} at port {check.port_used}, {check.path}"
    if check.kind is CheckKind.CONSOLE:
        return f"'{check.text}'"
    return "no error" if check.kind is CheckKind.FILE_SYSTEMS else "an answer"
