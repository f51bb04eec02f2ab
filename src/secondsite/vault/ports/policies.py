"""Settings of many machines: policies and replication groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.groups import ReplicationGroup
from ...domain.policies import ReplicationPolicy
from .machines import MachineRecord


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A replication group; its members are the machines that name it."""

    name: str
    group: ReplicationGroup
    created_at: datetime


class Policies(Protocol):
    def put(self, policy: ReplicationPolicy, read_only: bool = False) -> None: ...
    def find(self, name: str) -> ReplicationPolicy | None: ...
    def list(self) -> Sequence[tuple[ReplicationPolicy, bool]]: ...
    def remove(self, name: str) -> None: ...


class Groups(Protocol):
    def add(self, group: GroupRecord) -> None: ...
    def put(self, group: GroupRecord) -> None: ...
    def find(self, name: str) -> GroupRecord | None: ...
    def list(self) -> Sequence[GroupRecord]: ...

    def members(self, name: str) -> Sequence[MachineRecord]:
        """The machines that name it, by name."""

    def remove(self, name: str) -> None: ...
