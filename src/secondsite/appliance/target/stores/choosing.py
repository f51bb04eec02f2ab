"""Checks whether a replica may be kept in the store that is asked for: what is in the way, and which stores
would do."""

from collections.abc import Iterator

from ....domain import errors
from ....domain.amounts import size
from ....wire.common.stores import Placement
from .store import Store
from .stores import Stores

Sentence = tuple[str, str]
"""A pair: what is in the way, and what to do."""


def obstacles(
    stores: Stores, machine_id: str | None, keeping: Placement, needed_bytes: int
) -> Iterator[Sentence]:
    """What is in the way of a full copy of `needed_bytes`."""
    try:
        store = chosen(stores, machine_id, keeping)
        store.require()
        free, whole = store.free_bytes(), store.whole_bytes()
    except errors.NotPossibleNow as problem:
        yield problem.message, _others(stores, needed_bytes)
        return
    if free >= needed_bytes:
        return
    if len(stores.all) == 1:
        has = f"the store has {size(free)} free of {size(whole)}"
    else:
        has = f"{store} has {size(free)} free of {size(whole)}"
    yield f"A full copy of the disks needs {size(needed_bytes)}; {has}.", _more_room(stores, needed_bytes)


def chosen(stores: Stores, machine_id: str | None, keeping: Placement) -> Store:
    """The store that a replica is in, or is to be made in; raises NotPossibleNow."""
    holding = stores.holding(machine_id) if machine_id is not None else None
    return holding or stores.named(keeping.store)


def _others(stores: Stores, needed_bytes: int) -> str:
    fitting = _fitting(stores, needed_bytes)
    if not fitting:
        return f"No store of this appliance has room for {size(needed_bytes)}."
    return f"Choose one that has room for it: {fitting}."


def _more_room(stores: Stores, needed_bytes: int) -> str:
    room = "Add space to the store, shorten the retention of other machines, or protect fewer disks"
    fitting = _fitting(stores, needed_bytes)
    return f"{room}; or choose a store that has room for it: {fitting}." if fitting else f"{room}."


def _fitting(stores: Stores, needed_bytes: int) -> str:
    found = []
    for store in stores.all:
        free = 0 if store.seen().problem else store.free_bytes()
        if free and free >= needed_bytes:
            found.append(f"{store.name} ({size(free)} free)")
    return ", ".join(found)
