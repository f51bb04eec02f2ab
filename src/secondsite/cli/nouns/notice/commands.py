"""secondsite notice ..."""

import typer

from ....client import Vault
from ....domain import errors
from ....wire import rest
from ... import output, risk
from ...former_words import Noun
from ...options import Json, connect, secret_in
from . import options, tables

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Notices: whom the vault tells of findings, jobs and requests, by mail or webhook.",
)


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """The targets of notices, and whether their messages arrive."""
    with connect(context) as vault:
        targets = vault.notices.list()
    if as_json:
        output.show_json(targets)
        return
    output.show_table(
        targets,
        tables.COLUMNS,
        "No targets: secondsite notice set NAME --webhook https://HOST/PATH --secret-file FILE",
    )


@app.command()
def show(context: typer.Context, target: options.Name, as_json: Json = False) -> None:
    """A target: what is sent to it, and whether its messages arrive. Its secret is not shown."""
    with connect(context) as vault:
        tables.show(vault.notices[target].show(), as_json)


@app.command("set")
def change(
    context: typer.Context,
    target: options.Name,
    webhook: options.WebhookUrl = None,
    mail_server: options.MailServer = None,
    sender: options.Sender = None,
    to: options.To = None,
    tls: options.TlsMode = None,
    user: options.User = None,
    secret_file: options.SecretFile = None,
    ca_file: options.CaFile = None,
    findings: options.Findings = None,
    gone: options.Gone = None,
    jobs: options.JobEnds = None,
    verb: options.Verbs = None,
    approvals: options.Approvals = None,
    weekly_report: options.WeeklyReport = None,
    quiet: options.Quiet = None,
    zone: options.Zone = None,
    repeat: options.Repeat = None,
    pace: options.Pace = None,
    enabled: options.Enabled = None,
    as_json: Json = False,
) -> None:
    """Make a target, or change what is given of one.

    Example: secondsite notice set ops --mail-server mail.example.org --from vault@example.org --to
    ops@example.org --user vault --secret-file password --quiet 22:00-07:00 --zone Europe/Berlin
    """
    given = options.TypedSettings(
        webhook=webhook,
        mail=options.mail(mail_server, sender=sender, to=to, tls=tls, user=user),
        wanted=options.wanted(findings, weekly_report, gone=gone, jobs=jobs, verbs=verb, approvals=approvals),
        quiet=quiet,
        zone=zone,
        ca_file=ca_file,
        plain=options.given(repeat_seconds=repeat, pace_seconds=pace, enabled=enabled),
    )
    secret = None if secret_file is None else secret_in(secret_file, "secret")
    with connect(context) as vault:
        seen = _known(vault, target)
        wanted = options.put_together(given, seen)
        if seen is None:
            made = vault.notices.create(target, wanted, secret=secret)
        else:
            made = vault.notices[target].set(wanted, secret=secret, seen=seen)
    tables.show(made, as_json)


@app.command()
def delete(
    context: typer.Context, target: options.Name, yes: risk.Yes = False, as_json: Json = False
) -> None:
    """Delete a target: nothing more is sent to it, not even what waits."""
    risk.accept_deletion("target of notices", target, yes)
    with connect(context) as vault:
        vault.notices[target].delete()
    output.show_deleted("target of notices", target, as_json)


@app.command("test")
def try_now(context: typer.Context, target: options.Name, as_json: Json = False) -> None:
    """Send a message now, and say what the other side answered. Exit code 1: it was not delivered."""
    with connect(context) as vault:
        tried = vault.notices[target].test()
    if as_json:
        output.show_json(tried)
    else:
        how = "taken" if tried.delivered else "not delivered"
        output.say(f"{how} after {tried.seconds:.1f} s: {tried.said}")
    if not tried.delivered:
        raise typer.Exit(1)


def _known(vault: Vault, target: str) -> rest.NoticeTarget | None:
    try:
        return vault.notices[target].show()
    except errors.NotFound:
        return None
