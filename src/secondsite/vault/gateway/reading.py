"""What the text of a message says.

A status is read when it is heard, not when it comes: of 1,000 machines an appliance that has just connected says 46,000 points at once,
which as objects take five times as much memory as their text, and what has taken memory once is not all given back.
"""

import sys

import structlog

from ...domain import errors
from ...wire import control
from .greeting import kept, parse

log = structlog.get_logger()

_BEGINS = '{"type":"status"'
_LONGEST_BEGIN = 2 * len(_BEGINS)


def is_status(text: str | bytes) -> bool:
    """By its beginning. One that begins in another way is a status all the same, once it is read."""
    return isinstance(text, str) and text[:_LONGEST_BEGIN].replace(" ", "").startswith(_BEGINS)


def held_bytes(text: str | bytes) -> int:
    """What it takes while it waits: one letter that is far from Latin makes all of a text four times as large."""
    return sys.getsizeof(text)


def understood(appliance_id: str, text: str | bytes) -> control.Message | None:
    """None for what cannot be read. What one machine spoils is that machine's status, not the others'; whoever waits for a report hears
    that it cannot be read."""
    try:
        return parse(text)
    except errors.InvalidArgument as problem:
        said = problem.message
    try:
        readable = kept(text)
    except UnicodeDecodeError:
        return _not_understood(appliance_id, said)
    if (report := control.failed_report(readable, said)) is not None:
        log.warning("report.not-understood", appliance=appliance_id, problem=said)
        return report
    try:
        status, without = control.without_malformed(readable)
    except ValueError:
        return _not_understood(appliance_id, said)
    log.warning("status.not-understood", appliance=appliance_id, problem=without)
    return status


def _not_understood(appliance_id: str, problem: str) -> None:
    log.warning("message.not-understood", appliance=appliance_id, problem=problem)
