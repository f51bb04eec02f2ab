"""Whose a replica is, as the store itself says: hosts may share a store's file system, and one appliance at
any time works on a replica.

    STORE/owners/APPLIANCE.lock          locked while that appliance runs and uses the store
    STORE/owners/APPLIANCE.json          its random tokens: who reads them sees this very store
    STORE/owners/APPLIANCE.asked/MACHINE.json    another appliance asks it for a replica
    STORE/replicas/MACHINE/owner.json    whose the replica is; without it, the store's appliance's

An owner is changed only by who holds the former owner's lock: by that one itself, or by another once it does
not run. A former owner that lost its lock, as a cut-off client of NFS does, reads in `owner.json` that the
replica is another's before it changes anything."""

import json
import re
import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ....ground import durable, real_files
from ....ground.lockfile import LockFile
from ....wire.control.adopting import APPLIANCE_ID
from ...shared import home_lock, private_folders

FOLDER, FILE = "owners", "owner.json"
KEPT_TOKENS = 8
MOST_NAMES = 1000
IS_ID = re.compile(APPLIANCE_ID).match
UNREADABLE = (OSError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a replica is. `number` rises with each change: whoever had it before has it no more, even if it
    came back since."""

    appliance_id: str
    number: int = 0


def owner_of(replica: Path, store_owner: str) -> Owner:
    """Whose the replica in this folder is. Raises OSError or ValueError if that cannot be read: then it is
    nobody's."""
    try:
        said = json.loads(real_files.content(replica / FILE))
    except FileNotFoundError:
        return Owner(store_owner)
    if not isinstance(said, dict) or not IS_ID(str(said.get("appliance_id"))):
        raise ValueError(f"{replica / FILE} names no appliance")
    return Owner(str(said["appliance_id"]), int(said["number"]))


def give(replica: Path, before: Owner, appliance_id: str) -> Owner:
    """Make the replica that appliance's; durable when it returns. The caller holds the lock of the owner
    before. Raises OSError."""
    now = Owner(appliance_id, before.number + 1)
    said = {"appliance_id": now.appliance_id, "number": now.number}
    durable.write(replica / FILE, json.dumps(said))
    return now


def unreadable(replica: Path, appliance_id: str) -> str:
    """What is said of a replica whose owner cannot be read, and how that appliance has it again."""
    said = json.dumps({"appliance_id": appliance_id, "number": 1000})
    command = f"echo {shlex.quote(said)} >{shlex.quote(str(replica / FILE))}"
    return (
        f"whose it is cannot be read from {replica / FILE}. So nothing is done with it, and no machine "
        "starts on it: it may run at another host that reaches that store. If it runs at no other, and this "
        f"appliance had it last: '{command} && systemctl restart secondsite-appliance', as root at its host; "
        "machines run on meanwhile."
    )


class Owners:
    """The appliances that use a store: this one's hold of it, and what it sees of the others."""

    def __init__(self, root: Path, appliance_id: str) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.appliance_id = appliance_id
        self.token: str | None = None
        """That of this process; None while it does not hold the store."""
        self._lock = LockFile(self._lock_of(appliance_id))

    def hold(self, within_seconds: float) -> bool:
        """Hold the store until `release` or the end of the process, with a new token; False if another
        process has this appliance's lock. Harmless when repeated. Raises OSError."""
        if self.token is not None:
            return True
        private_folders.make((self.folder,))
        if not self._lock.take(within_seconds):
            return False
        try:
            self.token = secrets.token_hex(16)
            tokens = [self.token, *self.tokens(self.appliance_id)][:KEPT_TOKENS]
            durable.write(self.folder / f"{self.appliance_id}.json", json.dumps({"tokens": tokens}))
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Hold it no more; the caller works on none of its replicas any more."""
        self._lock.release()
        self.token = None

    def tokens(self, appliance_id: str) -> Sequence[str]:
        """The tokens that an appliance has left here, the newest first."""
        try:
            said = json.loads(real_files.content(self.folder / f"{appliance_id}.json"))["tokens"]
            return [str(each)[:64] for each in said[:KEPT_TOKENS]]
        except UNREADABLE:
            return ()

    def signs(self) -> Sequence[str]:
        """Tokens that lie here, by which the store is known: this appliance's, and the newest of each
        other."""
        newest = (self.tokens(each)[:1] for each in self.others())
        return [*self.tokens(self.appliance_id), *(token for found in newest for token in found)]

    def all_tokens(self) -> Iterator[str]:
        """Those of all appliances that have used the store."""
        for each in (self.appliance_id, *self.others()):
            yield from self.tokens(each)

    def others(self) -> Sequence[str]:
        """The other appliances that have used the store."""
        try:
            names = sorted(path.stem for path in self.folder.glob("*.json"))[:MOST_NAMES]
        except OSError:
            return ()
        return [name for name in names if IS_ID(name) and name != self.appliance_id]

    def is_held(self, appliance_id: str) -> bool:
        """Whether another appliance holds the store now. Only where locks reach from host to host, this is
        seen."""
        lock = LockFile(self._lock_of(appliance_id))
        try:
            if not lock.take(shared=True):
                return True
        except OSError:
            return False
        lock.release()
        return False

    @contextmanager
    def in_place_of(self, appliance_id: str, *, whole_store: bool) -> Iterator[bool]:
        """Yields whether that appliance does not run; inside, it does not begin to. `whole_store`: the store
        is its own, and nobody starts machines from it without it either."""
        paths = [self._lock_of(appliance_id), *([self.root / home_lock.FILE] if whole_store else [])]
        locks = [LockFile(path) for path in paths]
        try:
            yield all(lock.take() for lock in locks)
        finally:
            for lock in locks:
                lock.release()

    # -- asking another appliance for a replica ------------------------------------------------------

    def ask(self, appliance_id: str, machine_id: str) -> None:
        """Ask that appliance to give this one the replica. Raises OSError."""
        place = self._asked(appliance_id) / f"{machine_id}.json"
        private_folders.make((place.parent,))
        durable.write(place, json.dumps({"by": self.appliance_id}))

    def asked_of_me(self) -> Sequence[tuple[str, str]]:
        """Who asks this one for replicas: pairs of the machine's id and the appliance's."""
        try:
            found = sorted(self._asked(self.appliance_id).glob("*.json"))[:MOST_NAMES]
        except OSError:
            return ()
        said = ((path.stem, _said(path)) for path in found)
        return [
            (machine_id, str(each["by"]))
            for machine_id, each in said
            if "refused" not in each and IS_ID(str(each.get("by")))
        ]

    def answer(self, machine_id: str, refused: str | None = None) -> None:
        """Answer who asked: why not, or nothing if it has the replica now. Raises OSError."""
        place = self._asked(self.appliance_id) / f"{machine_id}.json"
        if refused is None:
            place.unlink(missing_ok=True)
        else:
            durable.write(place, json.dumps({"refused": refused[:1000]}))

    def refusal(self, appliance_id: str, machine_id: str) -> str | None:
        """Why that appliance does not give the replica; None if it has not answered."""
        said = _said(self._asked(appliance_id) / f"{machine_id}.json").get("refused")
        return None if said is None else str(said)[:1000]

    def ask_no_more(self, appliance_id: str, machine_id: str) -> None:
        (self._asked(appliance_id) / f"{machine_id}.json").unlink(missing_ok=True)

    def _lock_of(self, appliance_id: str) -> Path:
        return self.folder / f"{appliance_id}.lock"

    def _asked(self, appliance_id: str) -> Path:
        return self.folder / f"{appliance_id}.asked"


def _said(path: Path) -> dict[str, object]:
    try:
        found = json.loads(real_files.content(path))
    except UNREADABLE:
        return {}
    return found if isinstance(found, dict) else {}
