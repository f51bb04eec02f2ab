"""Makes a target's settings from the options given and its present settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....client.connection import request
from ....domain import errors
from ....domain.health import Severity
from ....wire import rest

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


def wanted(findings: str | None, **values: object) -> Values:
    """Settings of findings from a severity, or none. Raises InvalidArgument."""
    found = given(**values)
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
