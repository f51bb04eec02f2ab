"""Replication policies."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TypedDict, Unpack

from ...domain import errors
from ...wire import rest
from ..connection import EVERY, Connection, path, request

TRIES = 4
"""How often an update is tried again because somebody else was faster."""


class PolicyValues(TypedDict, total=False):
    """The values of a policy; `wire.rest.PolicyCreate` describes each."""

    rpo_threshold_seconds: int
    retention_seconds: int
    crash_consistent_every_seconds: int
    app_consistent_every_seconds: int
    cycle_seconds: float
    journal_seconds: int
    rto_goal_seconds: int
    encrypt: bool


class PolicyHandle:
    """One policy, by its name. All calls raise NotFound for an unknown one, changes NotPossibleNow for one
    that is read-only, and ChangedMeanwhile when it is not what was `seen` any more: somebody else was
    faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.Policy:
        """The policy, and how many machines use it."""
        return self._connection.one(rest.Policy, "GET", path("policies", self._name))

    def update(self, seen: rest.Policy | None = None, **values: Unpack[PolicyValues]) -> rest.Policy:
        """New values; what is not given stays as it is, or as it was `seen`. The appliances of its
        machines are told."""
        if seen is not None:
            return self._put(seen, values)
        for _ in range(TRIES):
            with contextlib.suppress(errors.ChangedMeanwhile):
                return self._put(self.show(), values)
        return self._put(self.show(), values)

    def delete(self, *, seen: rest.Policy | None = None) -> None:
        """Deletes the policy. Raises NotPossibleNow while a machine uses it."""
        self._connection.call("DELETE", path("policies", self._name), seen=seen)

    def _put(self, present: rest.Policy, values: PolicyValues) -> rest.Policy:
        kept = present.model_dump(include=set(rest.PolicyCreate.model_fields))
        body = request(rest.PolicyCreate, **{**kept, **values})
        return self._connection.one(rest.Policy, "PUT", path("policies", self._name), body=body, seen=present)


class Policies:
    """All policies; `policies["default"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> PolicyHandle:
        return PolicyHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Policy]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Policy]:
        """All policies, by name."""
        return [*self._connection.pages(rest.PolicyPage, path("policies"), EVERY)]

    def create(self, name: str, **values: Unpack[PolicyValues]) -> rest.Policy:
        """A new policy; what is not given has its default. Its twin for the way back, NAME-failback, comes
        with it. Raises AlreadyExists."""
        body = request(rest.PolicyCreate, name=name, **values)
        return self._connection.one(rest.Policy, "POST", path("policies"), body=body)
