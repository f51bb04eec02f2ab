"""What lets somebody connect to a machine after its failover: told, and confirmed by people."""

from collections.abc import Mapping, Sequence

from .....domain import errors
from .....domain.machines import connecting
from .....domain.machines.connecting import Confirmation, Known, Line, Sight, Standing
from .....wire.common.confirmed_lines import ConfirmedLine
from .....wire.rest.preflights import Connecting, ConnectingLine
from ....store import ConfirmationsRecord, MachineRecord, Transaction
from ...parts import Parts
from .. import machines

LOOKS_MINUTES = 10
"""How often an agent looks again, at the latest."""


class Connections:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def show(self, name: str) -> Connecting:
        """The lines of a machine. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return self._info(tx, machines.existing(self._parts, tx, name))

    def confirm(self, name: str, line: Line) -> Connecting:
        """Note that the caller says that it is so, now. Raises NotFound, InvalidArgument for a line that is
        not asked of such a machine, NotPossibleNow if an agent sees the opposite."""
        with self._parts.changing() as tx:
            tx.one_at_a_time("machine_confirmations")
            machine = machines.existing(self._parts, tx, name)
            self._parts.names(machine)
            now, who = self._parts.now(), self._parts.caller.name
            said = ConfirmedLine(line=line, at=now, who=who, site=machine.target_site)
            kept = (*_others(tx, machine, line), said)
            seen = sight(self._parts, tx, machine)
            after = connecting.table(seen, _said(kept), machine.target_site, now)
            _require(machine.name, {each.kind.line: each for each in after}, line)
            return self._put(tx, machine, kept)

    def take_back(self, name: str, line: Line) -> Connecting:
        """Forget that it was confirmed; harmless if it was not. Raises NotFound."""
        with self._parts.changing() as tx:
            tx.one_at_a_time("machine_confirmations")
            machine = machines.existing(self._parts, tx, name)
            self._parts.names(machine)
            return self._put(tx, machine, _others(tx, machine, line))

    def _put(self, tx: Transaction, machine: MachineRecord, kept: tuple[ConfirmedLine, ...]) -> Connecting:
        before = self._info(tx, machine)
        tx.confirmations.put(ConfirmationsRecord(machine.id, kept))
        after = self._info(tx, machine)
        self._parts.note(before, after)
        return after

    def _info(self, tx: Transaction, machine: MachineRecord) -> Connecting:
        return Connecting(
            machine=machine.id,
            name=machine.name,
            site=machine.target_site,
            system=sight(self._parts, tx, machine).system,
            lines=tuple(of_machines(self._parts, tx, [machine])[machine.id]),
        )


def sight(parts: Parts, tx: Transaction, machine: MachineRecord) -> Sight:
    """What an agent in the machine saw, as its source told last."""
    source = parts.facts.latest(tx, machine.id).source
    return Sight() if source is None or source.inside is None else source.inside.sight()


def of_machines(
    parts: Parts, tx: Transaction, records: Sequence[MachineRecord]
) -> Mapping[str, Sequence[ConnectingLine]]:
    """The lines of each machine, by its id."""
    now, confirmed = parts.now(), tx.confirmations.of([each.id for each in records])
    return {
        each.id: [
            _shape(line)
            for line in connecting.table(
                sight(parts, tx, each),
                _said(confirmed.get(each.id, ())),
                each.target_site,
                now,
            )
        ]
        for each in records
    }


def _said(kept: Sequence[ConfirmedLine]) -> Sequence[Confirmation]:
    return [said for each in kept if (said := each.confirmation()) is not None]


def _shape(known: Known) -> ConnectingLine:
    return ConnectingLine(
        line=known.kind.line,
        standing=known.standing,
        at=known.at,
        by=known.who,
        what=known.kind.what,
        do=known.kind.do,
        again_seconds=known.kind.again_seconds,
    )


def _others(tx: Transaction, machine: MachineRecord, line: Line) -> tuple[ConfirmedLine, ...]:
    """What was confirmed of the machine besides this line."""
    found = tx.confirmations.of([machine.id]).get(machine.id, ())
    return tuple(each for each in found if each.line != line)


def _require(name: str, after: Mapping[Line, Known], line: Line) -> None:
    """Raises InvalidArgument or NotPossibleNow unless the line counts once it is confirmed."""
    known = after.get(line)
    if known is None:
        raise errors.InvalidArgument(
            f"'{line}' is not asked of {name}: its guest has another system.",
            do=f"Give one of: {', '.join(after)}.",
        )
    if known.standing is Standing.WRONG:
        raise errors.NotPossibleNow(
            f"An agent in {name} sees the opposite of: {known.kind.what}.",
            do=f"Make it so in the machine: {known.kind.do} Its agent looks again within {LOOKS_MINUTES} "
            "minutes.",
        )
