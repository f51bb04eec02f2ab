"""Who may come in: the authority, keys and records of one folder, which a person's commands use as well."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from ....domain.errors import InvalidArgument, NotFound
from ....ground.certificates import fingerprint
from . import keys
from .authority import Authority, pem_of
from .errors import Refused
from .keys import Key, Keys
from .other_disks import OtherDisksOf
from .records import OVERLAP, Accepted, Kind, Record, Records
from .upgrades import Upgrades

KEY_HOURS: Final = 72
HOME_FOR: Final = timedelta(days=7)
"""So long a machine that comes home may take to start, and have its certificate renewed."""
MOST_HOURS: Final = 24 * 31


def now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """Thread-safe, and safe against other processes."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = now) -> None:
        """Makes the folder and its authority if they are missing. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = clock
        self.authority = Authority(folder / "ca", clock())
        self.keys, self.records, self.upgrades = Keys(folder), Records(folder), Upgrades(folder)
        self.other_disks = OtherDisksOf(folder)

    def new_key(self, hours: float = KEY_HOURS, agent_id: str | None = None, kind: Kind = "machine") -> str:
        """A registration key: for a new agent, or for one that is known. Raises NotFound, InvalidArgument."""
        if not 0 < hours <= MOST_HOURS:
            raise InvalidArgument(
                f"A key cannot be valid for {hours:g} hours.", do=f"Give 1 to {MOST_HOURS}."
            )
        if agent_id is None and kind != "machine":
            raise InvalidArgument("A rescue system is that of a machine.", do="Name the machine.")
        if agent_id is not None:
            self.require(agent_id)
        until = self.clock() + timedelta(hours=hours)
        made = Key(agent_id=agent_id or str(uuid.uuid4()), kind=kind, until=until)
        return keys.text_of(self.keys.make(made), self.authority.fingerprint)

    def require(self, agent_id: str) -> Record:
        """Raises NotFound."""
        found = self.records.find(agent_id)
        if found is None:
            raise NotFound(
                f"No agent is known as '{agent_id}'.", do="Look at 'secondsite appliance agents list'."
            )
        return found

    def revoke(self, agent_id: str) -> None:
        """None of its certificates and keys is accepted any more. Raises NotFound."""
        self.require(agent_id)
        self.keys.remove_of(agent_id)
        self._change(agent_id, lambda record: record.model_copy(update={"certificates": ()}))

    def renewed(self, agent_id: str, shown: str, request_pem: str) -> str:
        """A certificate (PEM) that succeeds the one that was shown. Raises Refused for one that is not
        accepted."""
        at = self.clock()
        certificate = self.authority.issue(request_pem, agent_id, at)

        def changed(record: Record) -> Record:
            old = record.accepts(shown, at)
            if old is None:
                raise Refused("revoked", "Its certificate was revoked meanwhile.")
            ends = certificate.not_valid_after_utc
            new = Accepted(
                fingerprint=fingerprint(certificate), kind=old.kind, until=ends, ends=ends, shown=False
            )
            return record.having(new, (each for each in record.certificates if each.shown))

        self._change(agent_id, changed)
        return pem_of(certificate)

    def expect_home(self, agent_id: str) -> None:
        """Let the machine in for some days by any certificate that it ever had, also if that has ended: it
        may come from an old point. One that was revoked stays so. Raises NotFound, FabricError, OSError."""
        until = self.clock() + HOME_FOR
        self._change(agent_id, lambda record: record.model_copy(update={"home_until": until}))

    def note_shown(self, agent_id: str, shown: str, name: str) -> None:
        """An agent came by this certificate: what it succeeds ends soon. Its machine's present name is
        kept."""
        record, at = self.records.find(agent_id), self.clock()
        if record is not None and _noted(record, shown, name, at) != record:
            self._change(agent_id, lambda each: _noted(each, shown, name, at))

    def note_guest(self, agent_id: str, shown: str, name: str) -> None:
        """An agent of another appliance came, whose machine runs here. Raises Refused for one that was
        revoked meanwhile."""
        at = self.clock()
        came = Accepted(fingerprint=shown, kind="machine", until=at)

        def changed(record: Record | None) -> Record:
            if record is not None and (not record.is_guest or not record.certificates):
                raise Refused("revoked", "Its certificate was revoked meanwhile.")
            since = at if record is None else record.enrolled_at
            return Record(
                agent_id=agent_id, name=name, enrolled_at=since, certificates=(came,), is_guest=True
            )

        self.records.change(agent_id, changed)

    def _change(self, agent_id: str, changed: Callable[[Record], Record]) -> None:
        def of_one(record: Record | None) -> Record:
            if record is None:
                raise NotFound(f"No agent is known as '{agent_id}'.")
            return changed(record)

        self.records.change(agent_id, of_one)


def _noted(record: Record, shown: str, name: str, at: datetime) -> Record:
    place = next((n for n, each in enumerate(record.certificates) if each.fingerprint == shown), None)
    if place is None:
        return record
    came, soon = record.certificates[place], at + OVERLAP
    before = [
        each.model_copy(update={"until": min(each.until, soon)}) if each.kind == came.kind else each
        for each in record.certificates[:place]
    ]
    certificates = (*before, came.model_copy(update={"shown": True}), *record.certificates[place + 1 :])
    changed: dict[str, object] = {"certificates": certificates}
    if came.kind == "machine":
        changed |= {"name": name, "home_until": None if at < came.until else record.home_until}
    return record.model_copy(update=changed)
