"""Recovery plans."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import EVERY, Connection, path, request


class PlanHandle:
    """One plan, by its name. All calls raise NotFound for an unknown one; a change that is told what the caller had
    `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.Plan:
        """The plan, with the state of its machines."""
        return self._connection.one(rest.Plan, "GET", path("plans", self._name))

    def set(self, groups: Sequence[rest.PlanGroupChange], *, seen: rest.Plan | None = None) -> rest.Plan:
        """These groups in place of its former ones; its machines stay as they are."""
        body = request(rest.PlanChange, groups=tuple(groups))
        return self._connection.one(rest.Plan, "PUT", path("plans", self._name), body=body, seen=seen)

    def delete(self, *, seen: rest.Plan | None = None) -> None:
        """Its machines stay protected."""
        self._connection.call("DELETE", path("plans", self._name), seen=seen)


class Plans:
    """All plans; `plans["shop"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> PlanHandle:
        return PlanHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Plan]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Plan]:
        """By name."""
        return [*self._connection.pages(rest.PlanPage, path("plans"), EVERY)]

    def create(self, name: str, groups: Sequence[rest.PlanGroupChange]) -> rest.Plan:
        """A new plan: its groups are recovered in this order. Raises AlreadyExists, NotFound for a machine that is not protected."""
        body = request(rest.PlanCreate, name=name, groups=tuple(groups))
        return self._connection.one(rest.Plan, "POST", path("plans"), body=body)
