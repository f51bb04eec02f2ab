"""The weekly report: made when it is asked for, and told once a week to targets of notices that want it."""

from dataclasses import replace
from datetime import datetime

from .....domain.access.roles import Permission
from .....domain.health import Severity
from .....domain.notices import weekly
from .....domain.notices.happenings import Happening, Kind
from .....domain.notices.weekly import WEEK, Turn
from .....wire.rest.access.reports import Report, ReportChange
from ....notices import detection
from ....store import Notice, NoticeTargetRecord, Transaction
from ....watch.drill_scheduler import HEARS_FOR
from ...callers import THE_VAULT
from ...parts import Parts
from ..drill_schedules import DrillSchedules
from ..plans import Plans
from . import coverage, drills, machines, mail

MOST_CHANGES = 1000


class Reports:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def make(self) -> Report:
        """The state of all that the caller sees, and of the week until now. The caller counts among those
        whose requests take long."""
        parts, now = self._parts, self._parts.now()
        since = now - WEEK
        with parts.waiting.one(parts.caller):
            sites = coverage.asked(parts)
            plans, schedules = Plans(parts).list(), DrillSchedules(parts).list()
            with parts.store.reading() as tx:
                found = machines.found(parts, tx, now)
                done = drills.done(parts, tx, since, now)
                return Report(
                    vault=parts.about.name,
                    version=parts.about.version,
                    site=parts.caller.grant.site,
                    since=since,
                    until=now,
                    coverage=tuple(coverage.by_site(sites, tx.machines.list())),
                    machines=tuple(machines.rows(tx, found, since, now)),
                    plans=tuple(machines.plans(tx, plans)),
                    drills=tuple(done[: drills.MOST]),
                    more_drills=max(0, len(done) - drills.MOST),
                    missed=tuple(drills.missed(found, schedules, since)),
                    findings=tuple(machines.open_findings(found, now)),
                    changes=self._changes(tx, since, now),
                )

    def _changes(self, tx: Transaction, since: datetime, now: datetime) -> tuple[ReportChange, ...] | None:
        if not self._parts.caller.grant.may(Permission.READ_AUDIT):
            return None
        found = tx.audit.counts(since, now, MOST_CHANGES)
        return tuple(ReportChange(who=e.who, verb=e.verb, outcome=e.outcome, count=e.many) for e in found)

    def tell(self) -> None:
        """Tell the report to the targets whose turn has come: one round of the vault's own work. What each
        was told last is read again when it is written, so that of two vault processes one tells it."""
        parts = self._parts
        now, lived = parts.now(), parts.deps.lived()
        if now < parts.facts.listens_since + HEARS_FOR:
            return
        with parts.store.reading() as tx:
            turns = _turns(tx, now, lived)
        if not turns:
            return
        due = any(turn.is_due for _, turn in turns)
        report = Reports(replace(parts, caller=THE_VAULT)).make() if due else None
        with parts.store.transaction() as tx:
            tx.one_at_a_time(detection.LOCK)
            for target, turn in _turns(tx, now, lived):
                if turn.is_due and report is not None:
                    tx.notices.add(target.id, [_notice(target, report, now)])
                if not turn.is_due or report is not None:
                    tx.notice_targets.put_report(target.id, turn.told)
        parts.notices.wake()


def _turns(tx: Transaction, now: datetime, lived: datetime) -> list[tuple[NoticeTargetRecord, Turn]]:
    """The targets of which something is to be kept, or told."""
    known = tx.notice_targets.reports()
    found = []
    for target in tx.notice_targets.list():
        when = target.target.wanted.weekly_report
        turn = weekly.turn(known.get(target.id), when, now, lived) if when is not None else None
        if turn is not None and target.target.enabled:
            found.append((target, turn))
    return found


def _notice(target: NoticeTargetRecord, report: Report, now: datetime) -> Notice:
    about, what = mail.about(report), mail.text(report)
    told = Happening(Kind.REPORT, "weekly-report", Severity.WARNING, about, what, now)
    return detection.once(target, f"report {now.isoformat()}", told, now)
