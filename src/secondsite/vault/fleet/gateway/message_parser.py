"""Parses messages of appliances.

The network's thread parses nothing long: while it works, all appliances wait. Statuses and reports are parsed
when they are handled. An appliance of 1,000 machines that has just connected reports 46,000 points, which as
objects take five times as much memory as their text; and memory that was once taken is not all given back.
"""

import re
import sys
from typing import Final, NamedTuple, Protocol

import structlog

from ....domain import errors
from ....ground import bounded_json
from ....ground.units import KiB, MiB
from ....wire import control
from ....wire.control.reports import MOST_FACTS_BYTES, OF_ALL_MACHINES
from ....wire.control.salvage import MOST_PARTS
from .greeting import kept, parse

LONGEST: Final = 32 * MiB
"""The longest message of any kind, in bytes: the contents of a site, whose machines take some KiB each."""
LONGEST_STATUS: Final = 16 * MiB
LONGEST_REPORT: Final = MOST_FACTS_BYTES + 64 * KiB
SHORT: Final = 16 * KiB
"""The longest message of any other kind, in bytes."""
MOST_PARTS_OF_ALL: Final = 1_000_000
"""The most parts of the contents of a site."""

_STATUS = re.compile(r'\s*\{\s*"type"\s*:\s*"status"\s*[,}]')
_REPORT = re.compile(
    r'\s*\{\s*"type"\s*:\s*"report"\s*,\s*"order_id"\s*:\s*"([^"\\]{1,300})"'
    r'(?:\s*,\s*"machine_id"\s*:\s*"([^"\\]{1,128})")?'
)
_LONGEST_BEGIN = 1000


class Log(Protocol):
    """A log of which only `warning` is used."""

    def warning(self, event: str, **said: object) -> object: ...


_every: Log = structlog.get_logger()


class ReportHeader(NamedTuple):
    """The beginning of a report."""

    order_id: str
    machine_id: str | None


def is_status(text: str) -> bool:
    """Whether the text begins as a status. A short one that begins in another way may still be a status when
    it is parsed."""
    return _STATUS.match(text[:_LONGEST_BEGIN]) is not None


def heading(text: str) -> ReportHeader | None:
    """The beginning of a report; None for another text."""
    found = _REPORT.match(text[:_LONGEST_BEGIN])
    return None if found is None else ReportHeader(*found.groups())


def held_bytes(text: str) -> int:
    """The memory that the text takes while it waits, in bytes: a single letter far from Latin makes a whole
    text four times as large."""
    return sys.getsizeof(text)


def of_short(text: str) -> control.Message | None:
    """The message; None for a text that is not short, or cannot be read."""
    try:
        return parse(text) if len(text) <= SHORT else None
    except errors.InvalidArgument:
        return None


def status(appliance_id: str, text: str, log: Log = _every) -> control.Status | None:
    """The status; None for a text that is not one. If the status of one machine cannot be read, those of the
    others count."""
    if (too_much := _too_much(text, LONGEST_STATUS, MOST_PARTS)) is not None:
        log.warning("message.not-understood", appliance=appliance_id, problem=too_much)
        return None
    try:
        message = parse(text)
        if isinstance(message, control.Status):
            return message
        said = f"it is a {message.type}"
    except errors.InvalidArgument as problem:
        said = problem.message
    try:
        rest, without = control.without_malformed(kept(text))
    except ValueError:
        log.warning("message.not-understood", appliance=appliance_id, problem=said)
        return None
    log.warning("status.not-understood", appliance=appliance_id, problem=without)
    return rest


def report(appliance_id: str, text: str, head: ReportHeader, kind: str, log: Log = _every) -> control.Report:
    """The report of an order of this kind. If it cannot be read, it says so, for the step that waits for
    it."""
    of_all = kind in OF_ALL_MACHINES
    longest, parts = (LONGEST, MOST_PARTS_OF_ALL) if of_all else (LONGEST_REPORT, MOST_PARTS)
    said = _too_much(text, longest, parts)
    if said is None:
        try:
            message = parse(text)
            if isinstance(message, control.Report) and message.order_id == head.order_id:
                return message
            said = "it is one of another order"
        except errors.InvalidArgument as problem:
            said = problem.message
    log.warning("report.not-understood", appliance=appliance_id, problem=said)
    return control.failed_report(head.order_id, head.machine_id, said)


def _too_much(text: str, longest: int, most_parts: int) -> str | None:
    """Why the text is too large to be parsed; None if it is not."""
    if len(text) > longest:
        return f"it has more than {longest // KiB} KiB"
    try:
        bounded_json.require_few_parts(text, most_parts)
    except ValueError as problem:
        return str(problem)
    return None
