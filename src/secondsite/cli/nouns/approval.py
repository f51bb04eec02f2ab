"""secondsite approval ..."""

import itertools
from typing import Annotated

import typer

from ...domain.access.approvals import LASTS_SECONDS, OPEN, Rules, Stage
from ...wire import rest
from .. import amount_options, output
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock

app = typer.Typer(cls=Noun, no_args_is_help=True, help="What waits for a second person's approval.")
Number = Annotated[str, typer.Argument(help="Number of the request.", metavar="NUMBER", show_default=False)]
COLUMNS: tuple[output.Column, ...] = (
    ("number", lambda a: a.number),
    ("stage", lambda a: a.stage),
    ("asked by", lambda a: a.who),
    ("verb", lambda a: a.verb),
    ("of", lambda a: a.asked.path),
    ("with", lambda a: a.asked.body if len(a.asked.body) <= 120 else f"{a.asked.body[:117]}..."),
    ("until", lambda a: clock(a.expires_at)),
    ("by", lambda a: a.by),
    ("job", lambda a: (a.job_id or "")[:10]),
)


@app.command("list")
def show_list(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """Requests that wait, newest first: your own, and those in your scope."""
    stages = tuple(Stage) if everything else tuple(OPEN)
    with connect(context) as vault:
        found = list(itertools.islice(vault.approvals.list(*stages), limit))
    if as_json:
        output.show_json(found)
        return
    output.show_table(found, COLUMNS, "Nothing waits for approval.")


@app.command()
def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """What was asked, by whom, and what became of it."""
    with connect(context) as vault:
        found = vault.approvals[number].show()
    _show(found, as_json)


@app.command()
def grant(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Carry a request out, once, as it was asked: look at it first with 'approval show NUMBER'."""
    with connect(context) as vault:
        found = vault.approvals[number].grant()
    _show(found, as_json)


@app.command()
def refuse(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Shown to the asker.")] = "",
    as_json: Json = False,
) -> None:
    """Refuse a request: it is not carried out."""
    with connect(context) as vault:
        found = vault.approvals[number].refuse(reason)
    _show(found, as_json)


@app.command()
def withdraw(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Withdraw a request of your own."""
    with connect(context) as vault:
        found = vault.approvals[number].withdraw()
    _show(found, as_json)


@app.command()
def settings(context: typer.Context, as_json: Json = False) -> None:
    """Which verbs need a second person's approval."""
    with connect(context) as vault:
        now = vault.approvals.settings()
    _show_settings(now, as_json)


@app.command()
def require(
    context: typer.Context,
    verbs: Annotated[
        list[str],
        typer.Argument(
            help="All verbs that need approval; one that is not there shows the list.", metavar="VERB..."
        ),
    ],
    lasts: Annotated[
        float,
        typer.Option(
            parser=amount_options.seconds,
            metavar="SPAN",
            help="How long a request waits: 5min to 30d.",
            show_default="24h",
        ),
    ] = float(LASTS_SECONDS),
    as_json: Json = False,
) -> None:
    """Name the verbs that need a second person's approval, instead of those named before."""
    with connect(context) as vault:
        now = vault.approvals.require(*(verb.replace("-", "_") for verb in verbs), lasts_seconds=lasts)
    _show_settings(now, as_json)


@app.command("off")
def off(context: typer.Context, as_json: Json = False) -> None:
    """Nothing needs a second person any more. While something does, this does too."""
    with connect(context) as vault:
        now = vault.approvals.require()
    _show_settings(now, as_json)


def _show(found: rest.Approval, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    asked = found.asked
    output.show_facts(
        (
            ("number", found.number),
            ("stage", found.stage),
            ("verb", found.verb),
            ("asked", f"{asked.method} {asked.path}{'?' if asked.query else ''}{asked.query}"),
            ("with", asked.body),
            ("machines", ", ".join(_way(each) for each in asked.machines)),
            ("if still", asked.if_match),
            ("asked by", found.who),
            ("at", clock(found.asked_at)),
            ("until", clock(found.expires_at)),
            ("needs", found.permission),
            ("by", found.by),
            ("why", found.why),
            ("tried", found.tried),
            ("ended", found.ended_at and clock(found.ended_at)),
            ("answer", found.code),
            ("job", found.job_id),
        )
    )
    if found.stage is Stage.GRANTED:
        output.say(f"{found.who} now asks again, and is shown the answer.")


def _way(machine: rest.ApprovalMachine) -> str:
    return f"{machine.name} ({machine.source_site} to {machine.target_site})"


def _show_settings(now: rest.ApprovalSettings, as_json: bool) -> None:
    if as_json:
        output.show_json(now)
    elif now.verbs:
        verbs = ", ".join(sorted(Rules(now.verbs).guarded))
        output.say(f"a second person approves: {verbs}; requests wait {now.lasts_seconds / 3600:g} hours")
    else:
        output.say("nothing needs a second person")
