"""Whose a replica is in a store that hosts share, and how this host takes one over whose owner is gone.

A file `owner.json` beside the replica names its appliance; without it, it is the store's. Appliances know
more of it (their `ownership`), and the hook of libvirt refuses what is no appliance's of its host.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import copies, files
from .problems import Problem
from .store import Replica, name_of
from .store_notes import note

FILE = "owner.json"
HERE = Path("/var/lib/secondsite/start-veto-appliances")
"""A file for each appliance of this host, named by its id; the hook reads them, too."""
IS_ID = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z-]{0,63}").fullmatch
MOST_NAMED = 20
Asked = Callable[[str], bool]
"""Asks a person whether something is done."""


@dataclass(frozen=True)
class Owner:
    appliance_id: str
    number: int = 0
    """Rises with each change."""


def require_not_held(replica: Replica) -> None:
    """Raises Problem while an appliance of another host has the replica, or if nobody can read whose it
    is."""
    owner = _said(replica)
    if owner is not None:
        with files.unless_locked(_lock(replica, owner)) as free:
            if not free:
                raise _held(replica, owner)


def require_ours(replica: Replica) -> None:
    """Raises Problem for a replica of another host's appliance."""
    require_not_held(replica)
    owner = _others(replica)
    if owner is not None:
        raise Problem(
            f"The replica of {replica.name} is that of appliance {owner.appliance_id}, at another host.",
            f"Do it there; or start the machine here first ('start {replica.typed}'), which takes it over.",
        )


def given_up(replica: Replica, ask: Asked) -> Owner | None:
    """The appliance of another host from which the replica has to be taken, once a person has said that it
    may; None: it is this host's. Raises Problem if it may not."""
    require_not_held(replica)
    owner = _others(replica)
    if owner is not None and not ask(
        f"The replica of {replica.name} is that of appliance {owner.appliance_id}, at another host, where "
        "the machine may run, and two copies would: power that host off"
    ):
        raise Problem("Nothing was started.", f"Start {replica.name} at the host of that appliance.")
    return owner


def take(replica: Replica, former: Owner) -> str:
    """Make the replica that of this host's appliance, durably; the former one gives way when it comes back.
    Returns the end of a sentence. Raises Problem if that one runs by now."""
    ours = _here()[0]
    with files.unless_locked(_lock(replica, former)) as free:
        if not free or _others(replica) != former:
            raise _held(replica, former)
        said = {"appliance_id": ours, "number": former.number + 1}
        files.write(replica.folder / FILE, json.dumps(said).encode())
    note(replica, "taken-over", former=former.appliance_id, owner=ours)
    return f"; its replica is this host's now (appliance {ours}), and no more that of {former.appliance_id}"


def taken_by(replica: Replica) -> str | None:
    """The appliance that has taken the replica over from the store's, for people; None: none has."""
    try:
        owner = _said(replica)
    except Problem:
        return "unknown"
    return None if owner is None or owner == _of_store(replica.store, owner.number) else owner.appliance_id


def lying_beside(roots: Iterable[Path]) -> Iterator[str]:
    """A sentence for each store beside these in which replicas of their appliance lie."""
    known = list(roots)
    for root in known:
        owner = _of_store(root)
        if owner is None or copies.lies_elsewhere(root):
            continue
        for beside in _beside(root):
            names = [] if beside in known or copies.original_of(beside) else _of(owner.appliance_id, beside)
            if names:
                more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
                yield (
                    f"{', '.join(names[:MOST_NAMED])}{more}: taken over by the appliance of {root}, and "
                    f"lying in {beside}, a store beside it: see 'cd {shlex.quote(str(beside))} && "
                    "./secondsite-rescue list'"
                )


def _said(replica: Replica) -> Owner | None:
    """The owner that the replica's folder names; None if it names none. Raises Problem if that cannot be
    read."""
    try:
        return _read(replica.folder / FILE)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(replica, error) from None


def _read(path: Path) -> Owner | None:
    """Raises OSError, ValueError, KeyError or TypeError."""
    try:
        said = json.loads(files.content(path))
    except FileNotFoundError:
        return None
    if not isinstance(said, dict) or not IS_ID(str(said.get("appliance_id"))):
        raise ValueError("it names no appliance")
    return Owner(str(said["appliance_id"]), int(said["number"]))


def _others(replica: Replica) -> Owner | None:
    """The owner, if that is another host's; None if it is this host's, or nobody's that shares the store. A
    host without an appliance takes what lies there, as the hook does. Raises Problem."""
    ours, owner = _here(), _said(replica)
    if owner is None and any(_is_of(ours, each) for each in _beside(replica.store)):
        owner = _of_store(replica.store)
    return owner if owner is not None and ours and owner.appliance_id not in ours else None


def _here() -> list[str]:
    """The appliances of this host, the newest first."""
    try:
        return sorted(os.listdir(HERE), key=lambda name: (HERE / name).stat().st_mtime, reverse=True)
    except OSError:
        return []


def _is_of(ours: Iterable[str], root: Path) -> bool:
    owner = _of_store(root)
    return owner is not None and owner.appliance_id in ours


def _of_store(root: Path, number: int = 0) -> Owner | None:
    """The appliance whose store it is, as its mark says."""
    found = str(copies.mark_of(root).get("appliance_id", ""))
    return Owner(found, number) if IS_ID(found) else None


def _beside(root: Path) -> Iterator[Path]:
    """The stores in the folder that a store lies in; what is mounted there might not answer."""
    try:
        mounted = {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()}
        folders = [Path(each.path) for each in os.scandir(root.parent) if each.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for each in sorted(folders):
        if each != root and str(each) not in mounted and os.path.exists(each / copies.MARK):
            yield each


def _of(appliance_id: str, root: Path) -> list[str]:
    """The machines of a store whose replicas that appliance has taken over."""
    return sorted(
        name_of(path.parent) or path.parent.name
        for path in root.glob(f"replicas/*/{FILE}")
        if _named(path) == appliance_id
    )


def _named(path: Path) -> str | None:
    try:
        owner = _read(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if owner is None else owner.appliance_id


def _lock(replica: Replica, owner: Owner) -> Path:
    return replica.store / "owners" / f"{owner.appliance_id}.lock"


def _held(replica: Replica, owner: Owner) -> Problem:
    return Problem(
        f"Appliance {owner.appliance_id}, at another host, has the replica of {replica.name}, and runs.",
        "Start the machine through its vault; or stop that appliance first.",
    )


def _unreadable(replica: Replica, error: Exception) -> Problem:
    """As an appliance says it."""
    store, path = _of_store(replica.store), replica.folder / FILE
    ours = next(iter(_here()), None) or (store.appliance_id if store else "APPLIANCE")
    said = json.dumps({"appliance_id": ours, "number": 1000})
    return Problem(
        f"Whose the replica of {replica.name} is cannot be read from {path} ({error}): the machine may run "
        "at another host that reaches this store.",
        "If it runs nowhere else, and ran here last, make it this host's again, as root: "
        f"echo {shlex.quote(said)} >{shlex.quote(str(path))}; then repeat this.",
    )
