"""Pools of addresses of the sites' networks."""

from collections.abc import Iterator, Sequence

from ...wire.rest import pools as rest
from ..connection import EVERY, Connection, path


class PoolHandle:
    """One pool, by its name. All calls raise NotFound for an unknown one; a change that is told what the
    caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.AddressPool:
        """The pool, with the machines that have an address of it."""
        return self._connection.one(rest.AddressPool, "GET", path("pools", self._name))

    def set(
        self, wanted: rest.AddressPoolChange, *, seen: rest.AddressPool | None = None
    ) -> rest.AddressPool:
        """Replaces all settings of the pool. Raises InvalidArgument if they leave out an address that a
        machine has."""
        where = path("pools", self._name)
        return self._connection.one(rest.AddressPool, "PUT", where, body=wanted, seen=seen)

    def delete(self, *, seen: rest.AddressPool | None = None) -> None:
        """Deletes the pool. Raises NotPossibleNow while a machine has an address of it."""
        self._connection.call("DELETE", path("pools", self._name), seen=seen)

    def release(self, address: str) -> rest.AddressPool:
        """Frees an address that a machine had when its protection ended."""
        where = path("pools", self._name, "addresses", address)
        return self._connection.one(rest.AddressPool, "DELETE", where)


class Pools:
    """All pools; `pools["dmz"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> PoolHandle:
        return PoolHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.AddressPool]:
        return iter(self.list())

    def list(self) -> Sequence[rest.AddressPool]:
        """All pools, by name."""
        return [*self._connection.pages(rest.AddressPoolPage, path("pools"), EVERY)]

    def create(self, wanted: rest.AddressPoolCreate) -> rest.AddressPool:
        """Creates a pool. Raises AlreadyExists, NotFound for an unknown site, InvalidArgument for a network
        that has a pool."""
        return self._connection.one(rest.AddressPool, "POST", path("pools"), body=wanted)
