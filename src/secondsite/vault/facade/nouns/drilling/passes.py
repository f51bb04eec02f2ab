"""Passes: by one a named person may come into the machine of an open drill, until it ends or the drill
does."""

from dataclasses import replace
from datetime import datetime, timedelta

from .....domain import errors, shell
from .....domain.drills.ways import MOST_PASSES, DrillPass, DrillVisit
from .....wire.rest.access import drill_passes as rest
from ....store import DrillRecord, MachineRecord, Transaction
from ...parts import Parts
from ...shared.idempotency import Once, carry_out
from .. import machines


class DrillPasses:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def show(self, machine: str) -> rest.DrillEntries:
        """The passes that count, and the visits. Raises NotFound; NotPossibleNow without an open drill."""
        with self._parts.store.reading() as tx:
            drill = opened(machines.existing(self._parts, tx, machine))
        now = self._parts.now()
        return rest.DrillEntries(
            passes=tuple(_shown(each) for each in drill.passes if each.until > now),
            visits=tuple(map(_visit, drill.visits)),
        )

    def give(self, machine: str, request: rest.DrillPassGive, once: Once | None = None) -> rest.DrillPassInfo:
        """Let a person in; a pass that they have already is replaced. Raises NotFound, also for a person that
        nobody knows; NotPossibleNow without an open drill."""

        def make() -> rest.DrillPassInfo:
            record = machines.existing(self._parts, tx, machine)
            drill, now = opened(record), self._parts.now()
            _require_known(tx, request.who)
            given = DrillPass(
                self._parts.deps.new_id(), request.who, self._parts.caller.name, now,
                now + timedelta(seconds=request.lasts_seconds),
            )  # fmt: skip
            others = [each for each in drill.passes if each.who != request.who and each.until > now]
            _refuse_more(others)
            tx.machines.put(replace(record, drill=replace(drill, passes=(*others, given))))
            self._parts.note(after=_shown(given))
            return _shown(given)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.DrillPassInfo, make)

    def end(self, machine: str, pass_id: str) -> None:
        """End a pass; ways that are open by it are closed within some seconds. Raises NotFound."""
        with self._parts.changing() as tx:
            record = machines.existing(self._parts, tx, machine)
            drill = opened(record)
            found = next((each for each in drill.passes if each.id == pass_id), None)
            if found is None:
                raise errors.NotFound.named("pass", pass_id, "drill passes MACHINE")
            left = tuple(each for each in drill.passes if each.id != pass_id)
            tx.machines.put(replace(record, drill=replace(drill, passes=left)))
            self._parts.note(before=_shown(found))


def opened(machine: MachineRecord) -> DrillRecord:
    """The machine's open drill. Raises NotPossibleNow without one."""
    if machine.drill is None:
        raise errors.NotPossibleNow(
            f"{machine.name} has no open test failover, so there is nothing to come into.",
            do=f"Start one: 'secondsite machine test-failover {shell.arguments(machine.name)}'.",
        )
    return machine.drill


def held(drill: DrillRecord, who: str, since: datetime | None, now: datetime) -> DrillPass | None:
    """The pass of this caller that counts now; None without one."""
    return next((each for each in drill.passes if each.holds(who, since, now)), None)


def _require_known(tx: Transaction, who: str) -> None:
    """Raises NotFound for a name that neither a token nor a person has."""
    names = {each.name for each in tx.tokens.list()} | {each.name for each in tx.people.list()}
    if who not in names:
        raise errors.NotFound(
            f"Neither a token nor a person of this vault is called '{who}'.",
            do="See 'secondsite token list' and 'secondsite person list'.",
        )


def _refuse_more(others: list[DrillPass]) -> None:
    if len(others) >= MOST_PASSES:
        raise errors.NotPossibleNow(
            f"{len(others)} people have a pass for this drill.",
            do="End one first: 'secondsite drill end-pass MACHINE PASS'.",
        )


def _shown(given: DrillPass) -> rest.DrillPassInfo:
    return rest.DrillPassInfo(
        id=given.id, who=given.who, given_by=given.given_by, given_at=given.given_at, until=given.until
    )


def _visit(visit: DrillVisit) -> rest.DrillVisitInfo:
    return rest.DrillVisitInfo(
        who=visit.who, what=visit.what, began_at=visit.began_at, ended_at=visit.ended_at,
        sent_bytes=visit.sent_bytes, received_bytes=visit.received_bytes, why=visit.why,
    )  # fmt: skip
