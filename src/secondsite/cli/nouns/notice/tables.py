"""Tables of targets of notices, for people."""

from collections.abc import Iterator

from ....domain import amounts
from ....wire import rest
from ... import output
from ...output import clock

NONE = "none"


def _to(target: rest.NoticeTarget) -> str:
    if target.webhook is not None:
        return target.webhook.url
    return ", ".join(target.mail.to) if target.mail is not None else NONE


def _going(target: rest.NoticeTarget) -> str:
    going = target.delivery
    if not target.enabled:
        return "disabled"
    if going.failures:
        return f"fails since {clock(going.failing_since)}"
    return f"taken {clock(going.sent_at)}" if going.sent_at else "nothing sent yet"


def _quiet(target: rest.NoticeTarget) -> str:
    hours = target.quiet
    return NONE if hours is None else f"{hours.begins}-{hours.ends} {hours.zone}"


COLUMNS: tuple[output.Column, ...] = (
    ("name", lambda t: t.name),
    ("to", _to),
    ("findings", lambda t: t.wanted.findings or NONE),
    ("jobs", lambda t: t.wanted.jobs),
    ("quiet", _quiet),
    ("delivery", _going),
    ("waiting", lambda t: t.delivery.waiting),
    ("given up", lambda t: t.delivery.given_up or None),
)


def show(target: rest.NoticeTarget, as_json: bool) -> None:
    if as_json:
        output.show_json(target)
    else:
        output.show_facts(_facts(target))


def _facts(target: rest.NoticeTarget) -> Iterator[tuple[str, object]]:
    yield "target", target.name
    yield "to", _to(target)
    if target.mail is not None:
        mail = target.mail
        yield "by", f"{mail.host}:{mail.port}, {mail.tls}, from {mail.sender}"
        yield "user", mail.user
    yield "secret", "given" if target.has_secret else NONE
    wanted = target.wanted
    yield "findings", f"{wanted.findings or NONE}{', and when they are over' if wanted.gone else ''}"
    verbs = f" ({', '.join(wanted.verbs)})" if wanted.verbs else ""
    yield "jobs", f"{wanted.jobs}{verbs}"
    yield "approvals", "told" if wanted.approvals else "not told"
    yield "weekly report", f"{wanted.weekly_report} UTC" if wanted.weekly_report else NONE
    yield "quiet hours", _quiet(target)
    yield "a finding again after", amounts.span(round(target.repeat_seconds))
    yield "messages apart", amounts.span(round(target.pace_seconds))
    yield from _delivery(target)


def _delivery(target: rest.NoticeTarget) -> Iterator[tuple[str, object]]:
    going = target.delivery
    yield "delivery", _going(target)
    yield "said last", going.said or None
    yield "tried again", clock(going.next_at) if going.failures else None
    yield "waiting", going.waiting
    yield "given up", going.given_up or None
