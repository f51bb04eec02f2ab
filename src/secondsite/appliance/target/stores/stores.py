"""All stores of this appliance. A replica is where its folder is, whatever was asked for later."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ....datapath import replica as replicas
from ....domain import errors
from ....wire.common.stores import DEFAULT
from ....wire.control.setups import ReplicaSetup
from ...shared import ApplianceConfig, State
from .. import rescue_program
from ..replica import HostedReplica
from .store import Store, owner_of


class Stores:
    """The stores by name; the first one is the default. Those that are away have a `problem`."""

    def __init__(self, config: ApplianceConfig, hosted: Callable[[], Iterable[HostedReplica]]) -> None:
        self._appliance_id = config.appliance_id
        delay = config.deletion_delay_seconds
        self.all: Sequence[Store] = [
            Store(name, root, delay, hosted) for name, root in config.all_stores.items()
        ]

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
        for store in self.usable():
            replicas.sweep(store.folder)
            store.trash.sweep()
            rescue_program.put(store.root)

    def keep_reserves(self) -> None:
        """Reserve space for starts in all stores, once their replicas are open."""
        for store in self.usable():
            store.keep_reserve()

    def stop(self) -> None:
        """Free the reserved space: nothing fills a store any more."""
        for store in self.all:
            store.reserve.release()

    def empty_trash(self) -> None:
        """Delete what was in the trash for its whole delay; then there may be space for the reserve again."""
        for store in self.usable():
            store.trash.empty()
            store.keep_reserve()

    def of(self, hosted: HostedReplica) -> Store:
        """The store that a replica is in."""
        here = hosted.replica.files.root.parent
        return next((each for each in self.all if each.folder.absolute() == here), self.default)

    def holding(self, machine_id: str) -> Store | None:
        """The store that has a replica's folder."""
        return next((each for each in self.usable() if each.has(machine_id)), None)

    def named(self, name: str | None) -> Store:
        """The store of this name, or the default one. Raises NotPossibleNow for one that this appliance does
        not have."""
        for store in self.all:
            if store.name == (name or DEFAULT):
                return store
        raise errors.NotPossibleNow(
            f"This appliance has no store '{name}'.",
            do=(
                f"Its stores are {', '.join(each.name for each in self.all)}; appliance.json names them "
                "under 'stores'."
            ),
        )

    def place(self, setup: ReplicaSetup) -> Store:
        """Where a replica is, or else where it is to be made. Raises NotPossibleNow while that store
        cannot be used."""
        store = self.holding(setup.machine_id) or self.named(setup.keeping.store)
        store.require()
        return store

    def folder(self, setup: ReplicaSetup) -> Path:
        """The folder of a replica; raises as `place`."""
        return self.place(setup).folder / setup.machine_id

    def has_ended(self, machine_id: str) -> bool:
        """Whether a whole replica of this machine is in the trash, and none in use."""
        return not self.holding(machine_id) and any(
            each.trash.has_ended(machine_id) for each in self.usable()
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


def kept(setup: ReplicaSetup, store: Store) -> ReplicaSetup:
    """The setup of a replica, with this store in it."""
    return setup.model_copy(update={"keeping": setup.keeping.model_copy(update={"store": store.name})})


def require_all(config: ApplianceConfig) -> Sequence[Path]:
    """The folders of all stores, for whoever works on them while the appliance does not run; raises
    NotPossibleNow while one is not there."""
    for name, root in config.stores.items():
        if owner_of(root) != config.appliance_id:
            raise errors.NotPossibleNow(
                f"Store '{name}' is not at {root}.",
                do="Mount it. If the appliance was never started since it has this store, start it once.",
            )
    return list(config.all_stores.values())
