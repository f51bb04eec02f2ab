"""Replication groups: machines with common recovery points."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import EVERY, Connection, path, request


class GroupHandle:
    """One group, by its name. All calls raise NotFound for an unknown one; a change that is told what the
    caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.Group:
        """The group, with the newest common point that all its machines have."""
        return self._connection.one(rest.Group, "GET", path("groups", self._name))

    def add(self, *machines: str, seen: rest.Group | None = None) -> rest.Group:
        """Adds machines, which must replicate in the same direction as the group's others."""
        return self._change("add", machines, seen)

    def remove(self, *machines: str, seen: rest.Group | None = None) -> rest.Group:
        """Removes machines from the group; they stay protected, and their points stay."""
        return self._change("remove", machines, seen)

    def update(
        self,
        machines: Sequence[str],
        *,
        multi_vm_every_seconds: int,
        app_consistent: bool,
        seen: rest.Group | None = None,
    ) -> rest.Group:
        """Replaces all settings of the group; members that are not named leave it."""
        body = request(
            rest.GroupChange,
            machines=tuple(machines),
            multi_vm_every_seconds=multi_vm_every_seconds,
            app_consistent=app_consistent,
        )
        return self._connection.one(rest.Group, "PUT", path("groups", self._name), body=body, seen=seen)

    def delete(self, *, seen: rest.Group | None = None) -> None:
        """Deletes the group; its machines stay protected, each by itself."""
        self._connection.call("DELETE", path("groups", self._name), seen=seen)

    def _change(self, change: str, machines: Sequence[str], seen: rest.Group | None) -> rest.Group:
        body = request(rest.MachinesRequest, machines=tuple(machines))
        return self._connection.one(
            rest.Group, "POST", path("groups", self._name, change), body=body, seen=seen
        )


class Groups:
    """All groups; `groups["shop"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> GroupHandle:
        return GroupHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Group]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Group]:
        """All groups, by name."""
        return [*self._connection.pages(rest.GroupPage, path("groups"), EVERY)]

    def create(
        self,
        name: str,
        source_site: str,
        target_site: str,
        machines: Sequence[str] = (),
        *,
        multi_vm_every_seconds: int = 60,
        app_consistent: bool = False,
    ) -> rest.Group:
        """A new group, with its first machines, names or ids. Every `multi_vm_every_seconds` all of them get
        a common point; with `app_consistent` the guests are also frozen, as often as their policies ask for
        it. Raises AlreadyExists."""
        body = request(
            rest.GroupCreate,
            name=name,
            source_site=source_site,
            target_site=target_site,
            multi_vm_every_seconds=multi_vm_every_seconds,
            app_consistent=app_consistent,
            machines=tuple(machines),
        )
        return self._connection.one(rest.Group, "POST", path("groups"), body=body)
