"""Address pools of the sites' networks, and which machines have their addresses."""

import shlex
from collections.abc import Sequence

from .....domain import errors
from .....domain.networks import addresses, pools
from .....ground.plural import counted
from .....wire.common.cards import PoolSettings
from .....wire.rest.pools import AddressPool, AddressPoolChange, AddressPoolCreate, TakenAddress
from ....steps.sides.pool_addresses import LOCK
from ....store import PoolAddressRecord, PoolRecord, Transaction
from ...parts import Parts
from ...shared.editions import Seen, require
from ...shared.idempotency import Once, carry_out
from .. import sites


class Pools:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[AddressPool]:
        with self._parts.store.reading() as tx:
            return [_info(tx, each) for each in tx.pools.list() if self._parts.sees(each.settings.site)]

    def show(self, name: str) -> AddressPool:
        """One pool. Raises NotFound, also for one of a site that the caller does not see."""
        with self._parts.store.reading() as tx:
            return _info(tx, self._existing(tx, name))

    def create(self, request: AddressPoolCreate, once: Once | None = None) -> AddressPool:
        """Create a pool. Raises NotFound for a site that does not exist, AlreadyExists, InvalidArgument for a
        network that has a pool."""
        self._parts.understood(request)
        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, AddressPool, lambda: self._create(tx, request))

    def update(self, name: str, request: AddressPoolChange, seen: Seen | None = None) -> AddressPool:
        """Replace all settings of a pool; an address that a machine has has to stay in it. Raises as
        `create`, or ChangedMeanwhile."""
        self._parts.understood(request)
        with self._parts.changing() as tx:
            record, before = self._editable(tx, name, seen)
            wanted = _settings(request)
            sites.existing(self._parts, tx, wanted.site)
            _require_alone(tx, name, wanted)
            _require_kept(before, record.settings, wanted)
            return self._put(tx, PoolRecord(name, wanted), before)

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete a pool. Raises NotFound, NotPossibleNow while a machine has an address of it,
        ChangedMeanwhile."""
        with self._parts.changing() as tx:
            _, before = self._editable(tx, name, seen)
            if before.taken:
                raise errors.NotPossibleNow(
                    (
                        f"Pool '{name}' has {counted(len(before.taken), 'address', 'addresses')} in use: "
                        f"{_users(before)}."
                    ),
                    do=(
                        "Let these machines come home first; or release what nothing has any more: "
                        "'secondsite pool release NAME ADDRESS'."
                    ),
                )
            self._parts.note(before=before)
            tx.pools.remove(name)

    def release(self, name: str, address: str) -> AddressPool:
        """Free an address of a machine whose protection has ended. Raises NotFound, and NotPossibleNow for a
        machine under protection, which gives its address back by itself."""
        with self._parts.changing() as tx:
            _, before = self._editable(tx, name, None)
            found = next((each for each in before.taken if each.address == address), None)
            if found is None:
                raise errors.NotFound.named("taken address", address, f"pool show {name}")
            if found.protected:
                raise errors.NotPossibleNow(
                    f"{address} belongs to {found.machine_name}, which is under protection.",
                    do="It goes back by itself when the machine is home again, or its protection ends.",
                )
            tx.pools.release(name, address)
            after = _info(tx, self._existing(tx, name))
            self._parts.note(before, after)
            return after

    def _create(self, tx: Transaction, request: AddressPoolCreate) -> AddressPool:
        tx.one_at_a_time(LOCK)
        wanted = _settings(request)
        sites.existing(self._parts, tx, wanted.site)
        if tx.pools.find(request.name):
            raise errors.AlreadyExists(f"There is a pool '{request.name}' already.")
        _require_alone(tx, request.name, wanted)
        return self._put(tx, PoolRecord(request.name, wanted), None)

    def _put(self, tx: Transaction, record: PoolRecord, before: AddressPool | None) -> AddressPool:
        tx.pools.put(record)
        after = _info(tx, record)
        self._parts.note(before, after)
        return after

    def _existing(self, tx: Transaction, name: str) -> PoolRecord:
        record = tx.pools.find(name)
        if record is None or not self._parts.sees(record.settings.site):
            raise errors.NotFound.named("pool", name)
        return record

    def _editable(self, tx: Transaction, name: str, seen: Seen | None) -> tuple[PoolRecord, AddressPool]:
        tx.one_at_a_time(LOCK)
        record = self._existing(tx, name)
        info = _info(tx, record)
        require(seen, info, f"Pool '{name}'")
        return record, info


def _settings(request: AddressPoolChange) -> PoolSettings:
    return PoolSettings(**{name: getattr(request, name) for name in PoolSettings.model_fields})


def _require_alone(tx: Transaction, name: str, wanted: PoolSettings) -> None:
    for other in tx.pools.list():
        there = other.settings
        if other.name != name and _of(there) == _of(wanted):
            tag = "" if wanted.vlan is None else f" with VLAN {wanted.vlan}"
            raise errors.InvalidArgument(
                f"The network '{wanted.network}' of {wanted.site}{tag} has the pool '{other.name}' already.",
                do=(
                    f"Give that one another range: 'secondsite pool set {shlex.quote(other.name)} --range "
                    "FIRST-LAST'."
                ),
            )


def _require_kept(before: AddressPool, there: PoolSettings, wanted: PoolSettings) -> None:
    """Raises InvalidArgument for a change that would take an address away from a machine."""
    if not before.taken:
        return
    lost = [each for each in before.taken if not pools.has(wanted.ranges, each.address)]
    if _of(there) != _of(wanted) or lost or there.subnet != wanted.subnet:
        what = f"its ranges leave out {lost[0].address}" if lost else "its network and subnet stay"
        raise errors.InvalidArgument(
            f"Machines have addresses of pool '{before.name}', so {what}: {_users(before)}.",
            do="Keep what is in use in it, or wait until these machines are home.",
        )


def _of(settings: PoolSettings) -> tuple[str, str, int | None]:
    return settings.site, settings.network, settings.vlan


def _users(pool: AddressPool) -> str:
    said = [f"{each.address} {each.machine_name}" for each in pool.taken[:10]]
    return ", ".join(said) + (", ..." if len(pool.taken) > len(said) else "")


def taken_by(
    tx: Transaction, site: str, address: str, besides: str
) -> tuple[PoolRecord, PoolAddressRecord] | None:
    """The pool and the machine that has this address, other than the machine `besides`."""
    found = (
        (pool, each)
        for pool in tx.pools.list()
        if pool.settings.site == site and addresses.lies_in(address, pool.settings.subnet)
        for each in tx.pools.taken(pool.name)
        if each.address == addresses.host(address) and each.machine_id != besides
    )
    return next(found, None)


def _info(tx: Transaction, record: PoolRecord) -> AddressPool:
    rows = tx.pools.taken(record.name)
    there = {each.id: each.name for each in tx.machines.several(sorted({row.machine_id for row in rows}))}
    taken = tuple(
        TakenAddress(
            address=row.address,
            machine=row.machine_id,
            machine_name=there.get(row.machine_id, row.machine_name),
            mac=row.mac,
            taken_at=row.taken_at,
            protected=row.machine_id in there,
        )
        for row in rows
    )
    return AddressPool(
        **dict(record.settings), name=record.name, size=pools.size(record.settings.ranges), taken=taken
    )
