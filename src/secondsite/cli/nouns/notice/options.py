"""Options of `secondsite notice`, and the settings of a target that they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ....client.connection import request
from ....domain import errors
from ....domain.health import Severity
from ....domain.lifecycle import Verb
from ....domain.notices.targets import Jobs, Tls
from ....wire import rest
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
WeeklyReport = Annotated[
    str | None,
    typer.Option(
        help="When the weekly report is sent, in UTC: 'monday 07:00'; or none.",
        metavar="WHEN",
        show_default="none",
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


# Makes a target's settings from the options given and its present settings.

NONE = "none"
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TypedSettings:
    """The options given. None, and fields that are missing, leave a setting as it is."""

    webhook: str | None
    mail: Values
    wanted: Values
    quiet: str | None
    zone: str | None
    ca_file: Path | None
    plain: Values


def given(**values: object) -> Values:
    return {name: value for name, value in values.items() if value is not None}


def mail(server: str | None, **values: object) -> Values:
    """Settings of a mail server from HOST or HOST:PORT. Raises InvalidArgument."""
    found = given(**values)
    if found.get("user") == NONE:
        found["user"] = None
    return found if server is None else found | _server(server)


def wanted(findings: str | None, weekly_report: str | None = None, **values: object) -> Values:
    """Settings of what is told; findings from a severity, or none. Raises InvalidArgument."""
    found = given(**values)
    if weekly_report is not None:
        found["weekly_report"] = None if weekly_report == NONE else weekly_report
    if findings is not None and findings not in (*Severity, NONE):
        raise errors.InvalidArgument(f"'{findings}' is no severity.", do="Give warning, critical or none.")
    return found if findings is None else found | {"findings": None if findings == NONE else findings}


def put_together(asked: TypedSettings, seen: rest.NoticeTarget | None) -> rest.NoticeTargetSettings:
    """The target's settings: the present ones with the options given. Raises InvalidArgument."""
    values = _former(seen) | asked.plain
    values["wanted"] = {**values.get("wanted", {}), **asked.wanted}
    if asked.webhook is not None and asked.mail:
        raise errors.InvalidArgument("A target is a webhook or a mail server.", do="Give one of the two.")
    if asked.webhook is not None:
        values |= {"webhook": {"url": asked.webhook}, "mail": None}
    if asked.mail:
        values |= {"webhook": None, "mail": {**(values.get("mail") or {}), **asked.mail}}
    if asked.quiet is not None or asked.zone is not None:
        values["quiet"] = _quiet(asked, values.get("quiet"))
    if asked.ca_file is not None:
        values["ca_pem"] = _text(asked.ca_file)
    return request(rest.NoticeTargetSettings, **values)


def _former(seen: rest.NoticeTarget | None) -> Values:
    return {} if seen is None else seen.model_dump(include=set(rest.NoticeTargetSettings.model_fields))


def _server(text: str) -> Values:
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or (":" in host.strip("[]") and not host.startswith("[")):
        return {"host": text.strip("[]")}
    if not port.isdecimal():
        raise errors.InvalidArgument(f"'{text}' is no mail server.", do="Give HOST, or HOST:PORT.")
    return {"host": host.strip("[]"), "port": int(port)}


def _quiet(asked: TypedSettings, former: Mapping[str, Any] | None) -> Values | None:
    if asked.quiet == NONE:
        return None
    hours = dict(former or {})
    if asked.quiet is not None:
        begins, _, ends = asked.quiet.partition("-")
        hours |= {"begins": begins.strip(), "ends": ends.strip()}
    if "begins" not in hours:
        raise errors.InvalidArgument(
            "A time zone was given, and no quiet hours.", do="Add --quiet 22:00-07:00."
        )
    return hours | ({} if asked.zone is None else {"zone": asked.zone})


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError) as error:
        raise errors.InvalidArgument(f"The certificates in {file} cannot be read: {error}.") from error
