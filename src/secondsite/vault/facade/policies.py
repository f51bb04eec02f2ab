"""Replication policies. Each has a failback twin, which is made with it and is read-only (decision C-19)."""

import re
from collections.abc import Sequence

from ...domain import errors
from ...domain.policies import ReplicationPolicy, failback_twin
from ...wire.replication import PolicyShape
from ...wire.rest import PolicyCreate, PolicyInfo
from .. import ports
from ..watch import telling
from .parts import Parts

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


class Policies:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[PolicyInfo]:
        with self._parts.store.reading() as tx:
            return _infos(tx)

    def show(self, name: str) -> PolicyInfo:
        """Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _info(tx, name)

    def create(self, request: PolicyCreate) -> PolicyInfo:
        """Raises AlreadyExists, or InvalidArgument for values out of their limits."""
        policy = _policy(request)
        with self._parts.store.transaction() as tx:
            for name in (policy.name, failback_twin(policy).name):
                if tx.policies.find(name):
                    raise errors.AlreadyExists(f"There is a policy '{name}' already.")
            put_with_twin(tx, policy)
            return _info(tx, policy.name)

    def update(self, name: str, request: PolicyCreate) -> PolicyInfo:
        """New values for a policy, told at once to the connected appliances of the machines that use it, and to the
        others when they connect.

        Raises NotFound, NotPossibleNow for a read-only one, InvalidArgument for values out of their limits.
        """
        policy = _policy(request.model_copy(update={"name": name}))
        with self._parts.store.transaction() as tx:
            _refuse_read_only(_info(tx, name))
            put_with_twin(tx, policy)
            info = _info(tx, name)
        self._parts.switchboard(f"{telling.POLICY}{name}")
        return info

    def remove(self, name: str) -> None:
        """With its twin. Raises NotFound, or NotPossibleNow when it is read-only or used."""
        with self._parts.store.transaction() as tx:
            info = _info(tx, name)
            _refuse_read_only(info)
            policy = tx.policies.find(name)
            twin = failback_twin(policy).name if policy else name
            users = [machine.name for machine in tx.machines.list() if machine.policy in (name, twin)]
            if users:
                raise errors.NotPossibleNow(
                    f"Policy '{name}' is used by {len(users)} machines.",
                    do="Disable their protection first: " + ", ".join(users[:10]),
                )
            tx.policies.remove(twin)
            tx.policies.remove(name)


def put_with_twin(tx: ports.Transaction, policy: ReplicationPolicy) -> None:
    """The policy, and the read-only policy of the way back."""
    tx.policies.put(policy)
    tx.policies.put(failback_twin(policy), read_only=True)


def _policy(request: PolicyShape) -> ReplicationPolicy:
    if not NAME.fullmatch(request.name):
        raise errors.InvalidArgument(
            f"'{request.name}' is no name for a policy.",
            do="Use letters, digits, '.', '_' and '-', at most 80.",
        )
    return ReplicationPolicy(**{field: getattr(request, field) for field in PolicyShape.model_fields})


def _refuse_read_only(info: PolicyInfo) -> None:
    if info.read_only:
        raise errors.NotPossibleNow(
            f"Policy '{info.name}' is the failback twin of another policy and read-only.",
            do="Change or remove the policy that it belongs to.",
        )


def _info(tx: ports.Transaction, name: str) -> PolicyInfo:
    for info in _infos(tx):
        if info.name == name:
            return info
    raise errors.NotFound.named("policy", name)


def _infos(tx: ports.Transaction) -> list[PolicyInfo]:
    used = [machine.policy for machine in tx.machines.list()]
    return [
        PolicyInfo(
            **telling.policy_shape(policy).model_dump(), read_only=read_only, used_by=used.count(policy.name)
        )
        for policy, read_only in tx.policies.list()
    ]
