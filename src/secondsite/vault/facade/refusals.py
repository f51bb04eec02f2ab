"""Entries of the audit log for refused attempts, few for many: a client that is refused in a loop does not
fill the disk.

The first refusal of a token at a call is recorded at once, further ones of the same minute together.
Strangers are counted by address, and of many addresses only those that tried most are named.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from ...domain import errors
from ...domain.access.chain import Entry, Outcome
from ..store import Store
from .acts import Act, append, text_of

log = structlog.get_logger()
MOST_KINDS = 30
"""The most entries of a minute, for all tokens together; what is beyond is counted in one."""
MOST_ADDRESSES = 20
MOST_COUNTED = 1000
STRANGER, SEVERAL = "stranger", "several tokens"
SCHEDULE = "schedule "
"""The prefix of the requester's name for what a schedule starts."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
ON_RECORD = frozenset({401, 403, 404, 409, 412})


@dataclass(frozen=True, slots=True)
class _Kind:
    token_id: str
    verb: str
    object: str
    code: int


class Refusals:
    """Counts refusals. Safe from any thread. `write` them every minute, and at the end."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._repeats: dict[_Kind, tuple[Entry, int]] = {}
        self._beyond = 0
        self._strangers: Counter[tuple[str, int]] = Counter()
        self._log_ins: Counter[tuple[str, str]] = Counter()

    def note(self, act: Act, method: str, code: int) -> None:
        """Note an answer with an error. Errors that are only mistakes in the request (400, 422) are not
        recorded, and a request that waits for approval is not a refusal."""
        if act.waits:
            return
        if not act.caller.token_id:
            self._stranger(act.caller.address, code)
        elif code == 403 or (method not in READING and (code in ON_RECORD or code >= 500)):
            self._known(act, code)

    def note_log_in(self, person: str, address: str) -> None:
        """Note that somebody failed to log in as this person. It is written later, with others: an attempt
        takes as long as one with an unknown name."""
        with self._lock:
            if len(self._log_ins) < MOST_COUNTED or (person, address) in self._log_ins:
                self._log_ins[person, address] += 1

    def write(self) -> None:
        """Write what was counted, in one transaction."""
        with self._lock:
            repeats, strangers, beyond = self._repeats, self._strangers, self._beyond
            log_ins = self._log_ins
            self._begin()
        entries = [_counted(entry, times) for entry, times in repeats.values() if times]
        entries += self._of_strangers(strangers)
        entries += [
            replace(_refused(self._now(), STRANGER, address, 401, times), object=f"/people/{person}")
            for (person, address), times in log_ins.most_common(MOST_ADDRESSES)
        ]
        if beyond:
            entries.append(_refused(self._now(), SEVERAL, "", 0, beyond))
        if entries:
            with self._store.transaction() as tx:
                for entry in entries:
                    append(tx, entry)

    def _known(self, act: Act, code: int) -> None:
        entry = act.entry(self._now(), Outcome.REFUSED, code)
        kind = _Kind(entry.token_id, entry.verb, entry.object, code)
        with self._lock:
            if kind in self._repeats:
                first, times = self._repeats[kind]
                self._repeats[kind] = first, times + 1
                return
            if len(self._repeats) >= MOST_KINDS:
                self._beyond += 1
                return
            self._repeats[kind] = entry, 0
        try:
            with self._store.transaction() as tx:
                append(tx, entry)
        except errors.SecondsiteError as error:
            log.error("audit.refusal-not-recorded", exc_info=error)

    def _stranger(self, address: str, code: int) -> None:
        if code not in (401, 403, 429):
            return
        with self._lock:
            kind = (address, code)
            if kind not in self._strangers and len(self._strangers) >= MOST_COUNTED:
                kind = ("other addresses", 0)
            self._strangers[kind] += 1

    def _of_strangers(self, counted: Counter[tuple[str, int]]) -> list[Entry]:
        now = self._now()
        named = counted.most_common(MOST_ADDRESSES)
        entries = [_refused(now, STRANGER, address, code, times) for (address, code), times in named]
        others = counted.total() - sum(times for _, times in named)
        return [*entries, _refused(now, STRANGER, "other addresses", 0, others)] if others else entries


def _counted(entry: Entry, times: int) -> Entry:
    """The entry for further attempts: the first one is recorded already, with its request."""
    return replace(entry, details=text_of({"times": times, "since": entry.at.isoformat()}))


def _refused(at: datetime, who: str, address: str, code: int, times: int) -> Entry:
    return Entry(
        at=at, who=who, token_id="", address=address, verb="", object="",
        outcome=Outcome.REFUSED, code=code or None, details=text_of({"times": times}),
    )  # fmt: skip
