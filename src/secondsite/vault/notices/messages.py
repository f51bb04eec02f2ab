"""Makes a message of notices: similar ones are listed together, however many machines they are about.
Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...domain.health import Severity
from ...domain.notices.happenings import Happening, Kind
from ...ground.plural import counted
from ..store import Notice, NoticeMessage

NAMED = 20
"""How many machines are named in a mail; a webhook gets all."""
MOST_OF_A_SUBJECT = 150
VERSION = 1
BEFORE = {Kind.GONE: "over: ", Kind.AGAIN: "again: ", Kind.JOB: "job ", Kind.APPROVAL: "waits for approval: "}


@dataclass(frozen=True, slots=True)
class Message:
    """A message. `body` is the JSON for webhooks, `subject` and `text` are for mails. The id stays the same
    however often it is sent."""

    id: str
    subject: str
    text: str
    body: bytes


@dataclass(frozen=True, slots=True)
class About:
    """The vault that sends the message, when, and how many earlier notices for this target were given up."""

    vault: str
    now: datetime
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    kind: Kind
    code: str
    severity: Severity
    notices: Sequence[Notice]

    @property
    def label(self) -> str:
        return f"{BEFORE.get(self.kind, '')}{self.code}"

    @property
    def first(self) -> Happening:
        return self.notices[0].happening


def message(of: NoticeMessage, about: About) -> Message:
    groups = _groups(of.notices)
    subject = _one_line(f"[secondsite {about.vault}] {_subject(groups)}")[:MOST_OF_A_SUBJECT]
    return Message(of.id, subject, "\n".join(_text(groups, of, about)), _body(groups, of, about))


def _groups(notices: Iterable[Notice]) -> Sequence[_Group]:
    """Critical ones first, else in the order of events."""
    found: dict[tuple[Kind, str, Severity], list[Notice]] = {}
    for each in notices:
        happening = each.happening
        found.setdefault((happening.kind, happening.code, happening.severity), []).append(each)
    groups = [_Group(*key, together) for key, together in found.items()]
    return sorted(groups, key=lambda each: each.severity is not Severity.CRITICAL)


def _subject(groups: Sequence[_Group]) -> str:
    worst = groups[0]
    word = "OVER" if all(each.kind is Kind.GONE for each in groups) else worst.severity.upper()
    if len(groups) > 1:
        listed = ", ".join(f"{each.label} ({len(each.notices)})" for each in groups)
        return f"{word} {counted(sum(len(each.notices) for each in groups), 'notice')}: {listed}"
    many = len(worst.notices)
    if worst.kind is Kind.REPORT:
        return f"weekly report: {worst.notices[-1].happening.about}"
    return f"{word} {worst.first.about if many == 1 else _many(worst)}: {worst.label}"


def _many(group: _Group) -> str:
    is_machines = group.kind in (Kind.FINDING, Kind.GONE, Kind.AGAIN)
    return counted(len(group.notices), "machine" if is_machines else "notice")


def _text(groups: Sequence[_Group], of: NoticeMessage, about: About) -> Iterator[str]:
    for group in groups:
        yield from (_one_line(each, _lead(each)) for each in _told(group))
        yield ""
    if about.given_up:
        yield (
            f"{counted(about.given_up, 'earlier notice')} could not be delivered here, and will not be "
            "sent again."
        )
        yield ""
    yield f"Vault {about.vault}, {about.now:%Y-%m-%d %H:%M:%S} UTC, message {of.id}."


def _lead(line: str) -> str:
    return "  " if line.startswith("  ") else ""


def _told(group: _Group) -> Iterator[str]:
    first = group.first
    if group.kind is Kind.REPORT:
        yield from _reports(group)
        return
    yield f"{group.severity.upper()} {group.label}: {first.about if len(group.notices) == 1 else _many(group)}"  # noqa: E501
    whats = {each.happening.what for each in group.notices}
    for each in group.notices[: 1 if len(whats) == 1 else NAMED]:
        name = f"{each.happening.about}: " if len(group.notices) > 1 and len(whats) > 1 else ""
        yield f"  {name}{each.happening.what}"
    if len(whats) > NAMED:
        yield f"  ... and {len(group.notices) - NAMED} more"
    yield f"  Since: {min(each.happening.at for each in group.notices):%Y-%m-%d %H:%M:%S} UTC"
    if first.until is not None:
        yield f"  Until: {first.until:%Y-%m-%d %H:%M:%S} UTC; then it is too late."
    if first.cause:
        yield f"  Likely cause: {first.cause}"
    if first.do:
        yield f"  What to do: {first.do}"
    if len(group.notices) > 1:
        yield f"  {'Machines' if group.first.about_id else 'About'}: {_names(group)}"


def _reports(group: _Group) -> Iterator[str]:
    for each in group.notices:
        yield f"WEEKLY REPORT: {each.happening.about}"
        yield from (f"  {line}" for line in each.happening.what.splitlines())


def _names(group: _Group) -> str:
    names = sorted(each.happening.about for each in group.notices)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _body(groups: Sequence[_Group], of: NoticeMessage, about: About) -> bytes:
    told = {
        "version": VERSION,
        "id": of.id,
        "vault": about.vault,
        "at": about.now.isoformat(),
        "given_up": about.given_up,
        "groups": [_group(each) for each in groups],
    }
    return json.dumps(told, separators=(",", ":")).encode()


def _group(group: _Group) -> Mapping[str, object]:
    return {
        "kind": group.kind,
        "code": group.code,
        "severity": group.severity,
        "cause": group.first.cause,
        "do": group.first.do,
        "notices": [_notice(each) for each in group.notices],
    }


def _notice(notice: Notice) -> Mapping[str, object]:
    of = notice.happening
    told = {"id": notice.id, "about": of.about, "about_id": of.about_id, "job_id": of.job_id, "what": of.what}
    until = None if of.until is None else of.until.isoformat()
    told |= {"do": of.do} if of.kind in (Kind.JOB, Kind.APPROVAL) else {}
    return {**told, "at": of.at.isoformat(), "until": until}


def _one_line(text: str, lead: str = "") -> str:
    """The text as one line: a machine's name, or text of another party, must not make a header or a line of
    its own."""
    return lead + " ".join("".join(each if each.isprintable() else " " for each in text).split())
