"""Agents get the appliance's program, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...domain import errors
from ...fabrics.agent.link import Record, Registry, Upgrade
from .program import sha256_of, version_of
from .registry import registry_of

LOOK_SECONDS = 0.5
TAKEN_UP_SECONDS = 30.0
UPGRADE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Upgraded:
    """How the upgrade of one agent went."""

    name: str
    done: bool
    sentence: str


def upgrade(home: Path, machines: Sequence[str], program: Path) -> Iterator[Upgraded]:
    """Have the running appliance hand these agents the program, or all if none is named, one after the other;
    yields how it went with each. Raises NotFound, InvalidArgument, NotPossibleNow."""
    registry = registry_of(home)
    records = [registry.records.named(each) for each in machines] or _enrolled(registry)
    wanted = Upgrade(program=program.absolute(), version=version_of(program), sha256=sha256_of(program))
    _order(registry, records, wanted)
    for record in records:
        yield _awaited(registry, record, wanted)


def _order(registry: Registry, records: Sequence[Record], wanted: Upgrade) -> None:
    """Raises NotPossibleNow while one of them becomes another program."""
    found = registry.upgrades.order((each.agent_id for each in records), wanted)
    if found is not None:
        [name] = [each.name for each in records if each.agent_id == found[0]]
        raise errors.NotPossibleNow(
            f"The agent in {name} is being upgraded to version {found[1].version}, so no other one begins.",
            do="Wait until that has ended, ten minutes at most while the appliance runs, then retry.",
        )


def _enrolled(registry: Registry) -> list[Record]:
    return [each for each in registry.records.all() if each.certificates]


def _awaited(registry: Registry, record: Record, wanted: Upgrade) -> Upgraded:
    taken_up, until = time.monotonic() + TAKEN_UP_SECONDS, time.monotonic() + UPGRADE_SECONDS
    while (found := registry.upgrades.all().get(record.agent_id)) is not None and time.monotonic() < until:
        if not found.is_of_the_program(wanted):
            said = f"The agent in {record.name} was ordered to become version {found.version} meanwhile."
            return Upgraded(record.name, False, said)
        if found.said is not None:  # it stays: another one may have ordered the same
            return Upgraded(record.name, found.done, found.said)
        waiting = {who: each for who, each in registry.upgrades.all().items() if each.said is None}
        if not any(each.began for each in waiting.values()) and time.monotonic() > taken_up:
            for agent_id in waiting:
                registry.upgrades.remove(agent_id)
            raise errors.NotPossibleNow(
                "The appliance has not begun with it: it does not run.",
                do="Start it ('systemctl start secondsite-appliance'), then retry.",
            )
        time.sleep(LOOK_SECONDS)
    return Upgraded(record.name, False, f"Of the agent in {record.name} nothing was heard in time.")
