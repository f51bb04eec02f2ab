"""Replication policies."""

from collections.abc import Mapping

from ..common.base import Editable, Shape
from ..common.policies import PolicyShape
from .errors import Page


class PolicyCreate(PolicyShape):
    """A new policy, or new values of one. Fields that are not given have their defaults."""


class Policy(PolicyShape, Editable):
    """A policy of the vault."""

    read_only: bool = False
    """It is the failback twin of another policy, and changes only with that one."""
    used_by: int = 0
    """How many machines use it."""
    not_encrypted: tuple[str, ...] = ()
    """Names of those of its machines that were protected before it encrypted: their replicas stay plain until
    they are protected anew."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", exclude={"used_by", "not_encrypted"})


class MachinePolicyChange(Shape):
    """A machine is to have another policy."""

    policy: str
    """The name of one that is not read-only."""


class MachinePolicy(MachinePolicyChange, Editable):
    """The policy of a machine."""

    machine: str
    """Its id."""
    name: str
    """Its name."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", include={"policy", "machine"})


class PolicyPage(Page[Policy]):
    """Policies, by name."""
