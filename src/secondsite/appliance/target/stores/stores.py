"""All stores of this appliance. A replica is where its folder is, whatever was asked for later.

Beside them may lie stores of other appliances, on a file system that their hosts share: the folders next to a
store's own that have a store's mark. This appliance makes nothing in them, and works on the replicas there
that it has taken over."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog

from ....datapath import replica as replicas
from ....domain import errors, shell
from ....wire.common.stores import DEFAULT
from ....wire.control.setups import ReplicaSetup
from ...shared import ApplianceConfig, State
from .. import rescue_program
from ..replica import HostedReplica
from . import store_copies
from .store import MARK, Store, mark_of, owner_of_store

HOLD_SECONDS = 60.0
"""How long to wait for another appliance that is just taking a replica over from this one."""
MOST_NEIGHBOURS = 100
MOST_TOLD = 3
"""How many copies a sentence names."""

log = structlog.get_logger(__name__)


class Stores:
    """The stores by name; the first one is the default. Those that are away have a `problem`."""

    def __init__(self, config: ApplianceConfig, hosted: Callable[[], Iterable[HostedReplica]]) -> None:
        self._appliance_id = config.appliance_id
        self._delay, self._hosted = config.deletion_delay_seconds, hosted
        self.all: Sequence[Store] = [self._store(name, root) for name, root in config.all_stores.items()]
        self.neighbours: Sequence[Store] = ()
        """Stores of other appliances that are within reach."""
        self.copies: Sequence[str] = ()
        """Of folders beside them that say to be such stores, and are not: sentences with what to do."""

    def _store(self, name: str, root: Path) -> Store:
        return Store(name, root, self._delay, self._hosted, self._appliance_id)

    @property
    def default(self) -> Store:
        return self.all[0]

    def start(self, state: State) -> None:
        """Make their folders, and remove what interrupted removals left in them."""
        for store in self.all:
            store.make(state, self._appliance_id)
        for store in self.all:
            if store.problem is None and store.copied_from is not None:
                store.distrust(state, self._appliance_id)
        self.look_beside()
        for store in (*self.usable(), *self._with_mine()):
            store.clear_trial()
            self.hold(store, HOLD_SECONDS)
        for store in self.usable():
            replicas.sweep(store.folder)
            store.trash.sweep()
            rescue_program.put(store.root)

    def hold(self, store: Store, within_seconds: float = 0.0) -> bool:
        """Hold a store, so that no other appliance takes replicas of this one from it; False if that is not
        possible now."""
        try:
            if store.owners.hold(within_seconds):
                return True
            what = "another process of this appliance has it"
        except OSError as problem:  # a store may be full, or only be readable
            what = str(problem)
        log.warning("store.not-held", store=store.name, problem=what)
        return False

    def _with_mine(self) -> Iterator[Store]:
        """The neighbours' stores in which this appliance may have replicas."""
        return (each for each in self.neighbours if each.owners.tokens(self._appliance_id))

    def look_beside(self) -> None:
        """Look for the stores of other appliances beside this one's. Copies of them are none."""
        known = {each.root: each for each in self.neighbours}
        own = [each.root.absolute() for each in self.all]
        found = sorted({path.parent for root in own for path in _marks_beside(root)} - set(own))
        marks = {root: mark for root in found[:MOST_NEIGHBOURS] if self._is_anothers(mark := mark_of(root))}
        why_not = {root: store_copies.told(root, mark) for root, mark in marks.items()}
        copies = [why for why in why_not.values() if why is not None]
        for why in copies:
            if why not in self.copies:
                log.warning("store.not-taken", problem=why)
        self.copies = tuple(copies)
        held = [each for each in self.neighbours if each.owners.token]  # also while they cannot be looked at
        seen = [
            known.get(root) or self._store(neighbour_name(str(mark["appliance_id"]), root), root)
            for root, mark in marks.items()
            if why_not[root] is None
        ]
        self.neighbours = (*seen, *(each for each in held if each not in seen))

    def _is_anothers(self, mark: Mapping[str, object]) -> bool:
        return mark.get("appliance_id") not in (None, self._appliance_id)

    def reached(self) -> Sequence[Store]:
        """The stores in which replicas of this appliance may lie."""
        return (*self.usable(), *self.neighbours)

    def entered(self) -> Sequence[Path]:
        """The folders of neighbours' stores in which this appliance has taken replicas over, as of now: its
        machines run there, too."""
        return [each.root for each in self.neighbours if each.owners.token]

    def keep_reserves(self) -> None:
        """Reserve space for starts in all stores, once their replicas are open."""
        for store in self.usable():
            store.keep_reserve()

    def stop(self) -> None:
        """Free the reserved space: nothing fills a store any more."""
        for store in self.all:
            store.reserve.release()
        for store in (*self.all, *self.neighbours):
            store.owners.release()

    def empty_trash(self) -> None:
        """Delete what was in the trash for its whole delay; then there may be space for the reserve again."""
        for store in self.usable():
            store.trash.empty()
            store.keep_reserve()

    def of(self, hosted: HostedReplica) -> Store:
        """The store that a replica is in."""
        here = hosted.replica.files.root.parent
        there = (*self.all, *self.neighbours)
        return next((each for each in there if each.folder.absolute() == here), self.default)

    def holding(self, machine_id: str) -> Store | None:
        """The store that has the folder of this appliance's replica."""
        return next((each for each in self.reached() if each.has(machine_id)), None)

    def lost(self, setup: ReplicaSetup) -> str | None:
        """The id of the appliance that has the machine's replica, which was this one's, in the store where
        it is known to lie; or, if that is none that is seen, in one where it was taken over. None if none
        has."""
        there = [each for each in (*self.all, *self.neighbours) if each.problem is None]
        names = {each.name for each in (*self.all, *self.neighbours)}
        name = setup.keeping.store or DEFAULT
        if name in names:
            found = [each.owner_there(setup.machine_id) for each in there if each.name == name]
        elif self.holding(setup.machine_id) is None:
            found = [each.owner_there(setup.machine_id) for each in there]
        else:
            found = []
        others = (each for each in found if each is not None and each.appliance_id != self._appliance_id)
        return next((each.appliance_id for each in others if name in names or each.number), None)

    def of_nobody(self, machine_id: str) -> Path | None:
        """The folder of the machine's replica, if it is here and does not say readably whose it is."""
        there = (store for store in self.reached() if (store.folder / machine_id).exists())
        return next((store.folder / machine_id for store in there if store.owner(machine_id) is None), None)

    def named(self, name: str | None) -> Store:
        """The store of this name, or the default one. Raises NotPossibleNow for one that this appliance does
        not have."""
        for store in (*self.all, *self.neighbours):
            if store.name == (name or DEFAULT):
                return store
        raise errors.NotPossibleNow(
            " ".join((f"This appliance has no store '{name}'.", *self.copies[:MOST_TOLD])),
            do=(
                f"Its stores are {', '.join(each.name for each in self.all)}; appliance.json names them "
                "under 'stores'."
            ),
        )

    def place(self, setup: ReplicaSetup) -> Store:
        """Where a replica is, or else where it is to be made. Raises NotPossibleNow while that store
        cannot be used."""
        store = self.holding(setup.machine_id)
        if store is None:
            store = self.named(setup.keeping.store)
            _require_nobodys(store, setup)
        store.require()
        return store

    def folder(self, setup: ReplicaSetup) -> Path:
        """The folder of a replica; raises as `place`."""
        return self.place(setup).folder / setup.machine_id

    def has_ended(self, machine_id: str) -> bool:
        """Whether a whole replica of this machine is in the trash, and none in use."""
        return not self.holding(machine_id) and any(
            each.trash.has_ended(machine_id) for each in self.reached()
        )

    def said(self, setup: ReplicaSetup, store: Store) -> str:
        """The end of a sentence: where the replica is, if there is a choice."""
        asked = setup.keeping.store
        if asked not in (None, store.name):
            return f", in {store}, where its disks are already ('{asked}' is not used)"
        return f", in {store}" if len(self.all) > 1 else ""

    def usable(self) -> Sequence[Store]:
        """The stores that can be used."""
        return [each for each in self.all if each.problem is None]


def _require_nobodys(store: Store, setup: ReplicaSetup) -> None:
    """Raises NotPossibleNow where another appliance's replica of the machine lies."""
    if not (store.folder / setup.machine_id).exists():
        return
    owner = store.owner(setup.machine_id)
    whose = "nobody's, since its owner.json cannot be read" if owner is None else owner.appliance_id
    raise errors.NotPossibleNow(
        f"The replica of {setup.machine_name} in {store.folder} is not this appliance's: it is {whose}.",
        do=f"Have it moved here: 'secondsite machine move-replica {shell.arguments(setup.machine_name)}'.",
    )


def neighbour_name(owner: str, root: Path) -> str:
    """The name that a store of another appliance has here."""
    return re.sub(r"[^a-z0-9]+", "-", f"{owner}-{root.name}".lower())[:60].strip("-")


def _marks_beside(root: Path) -> Sequence[Path]:
    """The marks of stores in the folder that a store lies in, on the same file system. What is mounted there
    is not looked at: it might not answer."""
    try:
        mounted = {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()}
        if os.stat(root).st_dev != os.stat(root.parent).st_dev:
            return []
        beside = [Path(each.path) for each in os.scandir(root.parent) if each.is_dir(follow_symlinks=False)]
        return [path / MARK for path in beside if str(path) not in mounted and (path / MARK).exists()]
    except OSError:
        return []


def kept(setup: ReplicaSetup, store: Store) -> ReplicaSetup:
    """The setup of a replica, with this store in it."""
    return setup.model_copy(update={"keeping": setup.keeping.model_copy(update={"store": store.name})})


def require_all(config: ApplianceConfig) -> Sequence[Path]:
    """The folders of all stores, for whoever works on them while the appliance does not run; raises
    NotPossibleNow while one is not there."""
    for name, root in config.stores.items():
        if owner_of_store(root) != config.appliance_id:
            raise errors.NotPossibleNow(
                f"Store '{name}' is not at {root}.",
                do="Mount it. If the appliance was never started since it has this store, start it once.",
            )
    return list(config.all_stores.values())
