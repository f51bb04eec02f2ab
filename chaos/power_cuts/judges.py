"""What a power cut left on a disk, held against what had been acknowledged. Each judge gives the first
broken promise."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from chaos.power_cuts.acknowledged import Fact
from rig import Rig, images
from rig.processes import Process
from secondsite.client import Vault
from secondsite.datapath import replica
from secondsite.datapath.cycles import inbox
from secondsite.datapath.disks import StorageDaemon
from secondsite.domain import errors
from secondsite.fabrics import simulated

KEY = "vda"
LATEST = "after-the-cut"
POINTS_VERIFIED = 3
"""Of those that a cut has to leave: the newest ones, whose writes are the youngest."""


def vault(rig: Rig, facts: Iterable[Fact]) -> str | None:
    """A vault that starts on what is left knows every acknowledged job, and none runs again that had
    ended."""
    if broken := _opens(rig.home("vault")):
        return broken
    rig.vault.start()
    try:
        with rig.client() as client:
            return next((told for fact in facts if (told := _job(client, fact))), None)
    finally:
        rig.vault.kill()


def _job(client: Vault, fact: Fact) -> str | None:
    job_id, *ended = fact.key
    try:
        job = client.jobs[job_id].show()
    except errors.NotFound:
        return f"{fact}: the vault does not know it"
    return f"{fact}: it is {job.state}" if ended and job.state != ended[0] else None


def appliance(home: Path, facts: Iterable[Fact]) -> str | None:
    """Everything that this appliance keeps opens; every acknowledged cycle and point is there, and
    verifies."""
    if broken := _opens(home):
        return broken
    wanted = list(facts)
    with _replicas(home / "store") as opened:
        for fact in (fact for fact in wanted if fact.kind == "cycle"):
            if told := _cycle(opened, fact):
                return told
        points = [fact for fact in wanted if fact.kind == "point"]
        for fact in points:
            if told := _point_known(opened, fact):
                return told
        newest = sorted(points, key=lambda fact: fact.since)[-POINTS_VERIFIED:]
        told = next((told for fact in newest if (told := _point(opened, fact))), None)
        return told or next((told for each in opened.values() if (told := _head(each, wanted))), None)


def starts(process: Process) -> None:
    """The process starts on what is left; raises DidNotStart."""
    process.start()
    process.kill()


def _opens(home: Path) -> str | None:
    """Settings and databases can be read. Raises ValueError for settings that cannot."""
    for file in home.glob("*.json"):
        json.loads(file.read_text())
    for file in home.glob("*.db"):
        with contextlib.closing(sqlite3.connect(file, timeout=10)) as db:
            found = db.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            return f"{file.name}: {found}"
    return None


@contextlib.contextmanager
def _replicas(store: Path) -> Iterator[dict[str, replica.Replica]]:
    """All replicas of the store, opened as an appliance opens them."""
    daemon = StorageDaemon(store / "daemon")
    folders = [record.parent for record in store.glob("replicas/*/replica.json")]
    opened = {folder.name: replica.Replica.open(folder, daemon) for folder in folders}
    try:
        yield opened
    finally:
        for each in opened.values():
            each.close()
        daemon.stop()


def _cycle(opened: dict[str, replica.Replica], fact: Fact) -> str | None:
    machine_id, epoch, seq = fact.key
    if machine_id not in opened:
        return f"{fact}: there is no replica"
    state = opened[machine_id].state
    waiting = [n for in_epoch, n, _ in inbox.scan(opened[machine_id].files.inbox) if in_epoch == int(epoch)]
    newest = max([*waiting, state.processed_seq if state.epoch == int(epoch) else 0])
    return f"{fact}: the newest cycle is {newest}" if newest < int(seq) else None


def _head(opened: replica.Replica, facts: Iterable[Fact]) -> str | None:
    """What was processed since the newest point: made a point now, it is what its digests say, and has all
    records of the newest acknowledged cycle that it processed."""
    state = opened.state
    if state.head is None or not state.whole or opened.seal({"point_id": LATEST}).point_id is None:
        return None
    known = [
        fact
        for fact in facts
        if fact.kind == "cycle" and fact.key[:2] == (state.machine_id, str(state.epoch))
    ]
    processed = max((fact.wanted for fact in known if int(fact.key[2]) <= state.processed_seq), default=0)
    return _holds(opened, LATEST, processed, f"after cycle {state.processed_seq}")


def _point_known(opened: dict[str, replica.Replica], fact: Fact) -> str | None:
    machine_id, point_id = fact.key
    known = {point.point_id for point in opened[machine_id].points()} if machine_id in opened else set()
    return None if point_id in known else f"{fact}: it is not there, but {sorted(known)}"


def _point(opened: dict[str, replica.Replica], fact: Fact) -> str | None:
    machine_id, point_id = fact.key
    return _holds(opened[machine_id], point_id, fact.wanted, str(fact))


def _holds(opened: replica.Replica, point_id: str, records: int, what: str) -> str | None:
    """Whether a point verifies and has the first so many records."""
    found = opened.verify(point_id)
    if not found.ok:
        return f"{what}: {found.sentence}"
    content = images.raw(images.point_disks(opened.files.root, point_id)[KEY])
    count = min(records, len(content) // simulated.RECORD_BYTES)
    whole = simulated.records(lambda offset, length: content[offset : offset + length], count)
    return None if len(whole) == count else f"{what}: it holds {len(whole)} of {count} records"
