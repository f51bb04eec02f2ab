"""Options of `secondsite notice`."""

from pathlib import Path
from typing import Annotated

import typer

from ....domain.lifecycle import Verb
from ....domain.notices.targets import Jobs, Tls
from ... import amount_options

Name = Annotated[str, typer.Argument(help="Name of the target.", metavar="TARGET", show_default=False)]
WebhookUrl = Annotated[
    str | None, typer.Option(help="Address of a webhook.", metavar="URL", show_default=False)
]
MailServer = Annotated[
    str | None, typer.Option(help="Or a mail server.", metavar="HOST[:PORT]", show_default=False)
]
Sender = Annotated[
    str | None,
    typer.Option("--from", help="The address that mails come from.", metavar="ADDRESS", show_default=False),
]
To = Annotated[
    list[str] | None,
    typer.Option(help="An address that mails go to; repeat it.", metavar="ADDRESS", show_default=False),
]
TlsMode = Annotated[
    Tls | None,
    typer.Option(help="How the connection to the mail server is encrypted.", show_default="starttls"),
]
User = Annotated[
    str | None,
    typer.Option(help="User name for the mail server; 'none': no login.", show_default=False),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        help=("File whose first line is the webhook's key, or the user's password; '-': standard input."),
        show_default=False,
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        help="CA certificates of the server, if the vault's host does not trust it.",
        show_default=False,
    ),
]
Findings = Annotated[
    str | None,
    typer.Option(
        help="Findings from this severity on: warning, critical or none.",
        metavar="SEVERITY",
        show_default="warning",
    ),
]
Gone = Annotated[
    bool | None,
    typer.Option("--gone/--no-gone", help="Also tell that a finding is over.", show_default="gone"),
]
JobEnds = Annotated[
    Jobs | None, typer.Option("--jobs", help="Which job results are sent.", show_default="failed")
]
Verbs = Annotated[
    list[Verb] | None,
    typer.Option("--verb", help="Of jobs of this verb only; repeat it.", show_default=False),
]
Approvals = Annotated[
    bool | None,
    typer.Option(
        "--approvals/--no-approvals",
        help="Also requests that wait for a second person.",
        show_default="approvals",
    ),
]
Quiet = Annotated[
    str | None,
    typer.Option(
        help="Hours in which only critical findings are sent: 22:00-07:00; or none.",
        metavar="HOURS",
        show_default="none",
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(help="Time zone of these hours, such as Europe/Berlin.", show_default="UTC"),
]
Repeat = Annotated[
    float | None,
    typer.Option(
        parser=amount_options.seconds,
        metavar="SPAN",
        help="A finding that comes and goes is sent at most once in this time.",
        show_default="1h",
    ),
]
Pace = Annotated[
    float | None,
    typer.Option(
        parser=amount_options.seconds,
        metavar="SPAN",
        help="The shortest time between two messages.",
        show_default="1m",
    ),
]
Enabled = Annotated[
    bool | None,
    typer.Option("--enable/--disable", help="Whether anything is sent to it.", show_default="enable"),
]
