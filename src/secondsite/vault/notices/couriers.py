"""Couriers send the notices that wait: each target has a thread of its own while something is sent to it, so
that no target waits for another.

A message is begun, sent and ended. If the process dies in between, or gets no answer, the same message is
sent again, under the same id.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from ...domain import errors, shell
from ...domain.health import Severity
from ...domain.notices.happenings import Happening, Kind
from ...ground import backoff, threads
from ...ground.units import DAY, MINUTE
from ..store import Notice, NoticeDelivery, NoticeMessage, NoticeTargetRecord, Store, Transaction
from . import delivery, messages, quiet
from .delivery import Line, NotDelivered

log = structlog.get_logger()

MOST_IN_A_MESSAGE = 2000
CLAIMED_SECONDS = delivery.DEADLINE_SECONDS * 3
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15.0, 30.0 * MINUTE
GIVEN_UP_AFTER = timedelta(seconds=DAY)


@dataclass(frozen=True, slots=True)
class _Load:
    target: NoticeTargetRecord
    message: NoticeMessage
    delivery: NoticeDelivery


class Couriers:
    """Sends the notices. `owner`: the name under which this process claims targets. `landed` is called when a
    courier has ended."""

    def __init__(
        self,
        store: Store,
        vault: str,
        owner: str,
        now: Callable[[], datetime],
        lived: Callable[[], datetime],
        landed: Callable[[], None],
    ) -> None:
        self._store = store
        self._vault = vault
        self._owner = owner
        self._lived = lived
        self._now = now
        self._landed = landed
        self._lock = threading.Lock()
        self._flights: dict[str, Line] = {}

    @property
    def under_way(self) -> bool:
        return bool(self._flights)

    def deliver(self, target_id: str) -> None:
        """Send what waits for this target, in another thread; nothing if a courier is already sending to
        it."""
        with self._lock:
            if target_id in self._flights:
                return
            line = self._flights[target_id] = Line()
        threads.worker("notice", self._fly, target_id, line).start()

    def cut_late(self) -> None:
        with self._lock:
            flights = list(self._flights.values())
        for each in flights:
            each.cut_if_late()

    def cut(self) -> None:
        with self._lock:
            flights = list(self._flights.values())
        for each in flights:
            each.cut()

    def try_now(self, target: NoticeTargetRecord) -> str:
        """Send a test message at once, past the outbox; gives the answer. Raises NotDelivered."""
        now = self._now()
        what = "This is a test: notices of this vault arrive here."
        tried = Happening(Kind.TEST, "test", Severity.WARNING, target.name, what, now)
        message = NoticeMessage(uuid.uuid4().hex, [Notice(uuid.uuid4().hex, tried, now)])
        line, key = Line(), f"test {message.id}"
        with self._lock:
            self._flights[key] = line
        try:
            made = messages.message(message, messages.About(self._vault, now))
            return delivery.send(target.target, target.secret, made, line)
        finally:
            self._end(key)

    def _end(self, key: str) -> None:
        with self._lock:
            self._flights.pop(key, None)

    def _fly(self, target_id: str, line: Line) -> None:
        try:
            self._carry(target_id, line)
        except errors.SecondsiteError as error:
            log.warning("notice.delivery-interrupted", target=target_id, problem=error.message)
        finally:
            self._end(target_id)
            self._landed()

    def _carry(self, target_id: str, line: Line) -> None:
        load = self._loaded(target_id)
        if load is None:
            return
        made = messages.message(
            load.message, messages.About(self._vault, self._now(), load.delivery.given_up)
        )
        try:
            said = delivery.send(load.target.target, load.target.secret, made, line)
        except NotDelivered as problem:
            self._failed(load, str(problem))
        else:
            self._delivered(load, said)

    def _loaded(self, target_id: str) -> _Load | None:
        """The message to send, begun before or now. None: another process sends to the target, or nothing may
        be sent now."""
        with self._store.transaction() as tx:
            if not tx.notice_targets.claim(target_id, self._owner, CLAIMED_SECONDS):
                return None
            target = tx.notice_targets.by_id(target_id)
            assert target is not None
            message = self._message(tx, target)
            if message is None:
                tx.notice_targets.let_go(target_id, self._owner)
                return None
            known = tx.notice_targets.deliveries().get(target_id)
            return _Load(target, message, known or NoticeDelivery(target_id))

    def _message(self, tx: Transaction, target: NoticeTargetRecord) -> NoticeMessage | None:
        only_critical = quiet.is_quiet(target.target.quiet, self._now())
        # a message that was begun before the quiet hours and has nothing critical waits; critical notices do
        # not wait behind it
        message = tx.notices.message(target.id, critical=only_critical)
        if message is not None:
            return message
        return tx.notices.begin(target.id, uuid.uuid4().hex, MOST_IN_A_MESSAGE, critical=only_critical)

    def _delivered(self, load: _Load, said: str) -> None:
        now = self._now()
        pause = timedelta(seconds=load.target.target.pace_seconds)
        with self._store.transaction() as tx:
            tx.notices.end(load.message.id, now)
            going = NoticeDelivery(load.target.id, sent_at=now, said=said, next_at=now + pause)
            self._settle(tx, going)
        log.info("notice.delivered", target=load.target.name, notices=len(load.message.notices), said=said)

    def _failed(self, load: _Load, why: str) -> None:
        now, before = self._now(), load.delivery
        failures = before.failures + 1
        pause = backoff.pause_seconds(failures, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        with self._store.transaction() as tx:
            given_up = tx.notices.give_up(load.message.id, self._lived() - GIVEN_UP_AFTER, now)
            going = replace(
                before, said=why, failures=failures, failing_since=before.failing_since or now,
                next_at=now + timedelta(seconds=pause), given_up=before.given_up + given_up,
            )  # fmt: skip
            self._settle(tx, going)
        log.warning("notice.not-delivered", target=load.target.name, problem=why, again_in_seconds=pause)
        if given_up:
            log.error(
                "notice.given-up",
                target=load.target.name,
                notices=given_up,
                problem=why,
                do=(
                    f"See 'secondsite notice show {shell.arguments(load.target.name)}', and try it with "
                    f"'secondsite notice test {shell.arguments(load.target.name)}'."
                ),
            )

    def _settle(self, tx: Transaction, delivery: NoticeDelivery) -> None:
        tx.notice_targets.put_delivery(delivery)
        tx.notice_targets.let_go(delivery.target_id, self._owner)
