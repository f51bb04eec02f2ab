"""Replication policies. Each has a failback twin, which is made with it and is read-only (C-19)."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from ....domain import errors
from ....domain.policies import ReplicationPolicy, failback_twin, in_force
from ....ground.plural import counted
from ....wire.common.policies import PolicyShape
from ....wire.rest import MachinePolicy, MachinePolicyChange, Policy, PolicyCreate
from ...fleet import settings_push
from ...steps import lookup
from ...store import MachineRecord, Transaction
from ..parts import Parts
from ..shared.editions import Seen, require
from ..shared.idempotency import Once, carry_out
from . import machines

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


class Policies:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[Policy]:
        with self._parts.store.reading() as tx:
            return _infos(tx)

    def show(self, name: str) -> Policy:
        """One policy. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _info(tx, name)

    def create(self, request: PolicyCreate, once: Once | None = None) -> Policy:
        """Create a policy and its twin. Raises AlreadyExists, or InvalidArgument for values out of their
        limits."""
        policy = _policy(request)
        with self._parts.changing() as tx:
            made = carry_out(self._parts, tx, once, Policy, lambda: _create(tx, policy))
            self._parts.note(after=made)
            return made

    def update(self, name: str, request: PolicyCreate, seen: Seen | None = None) -> Policy:
        """New values for a policy. The appliances of the machines that use it get them at once, or when they
        connect. Replicas that are there already are not encrypted by it: the answer names their machines.

        Raises NotFound, NotPossibleNow for a read-only one, InvalidArgument for values out of their limits,
        ChangedMeanwhile.
        """
        policy = _policy(request.model_copy(update={"name": name}))
        with self._parts.changing() as tx:
            before = self._editable(tx, name, seen)
            put_with_twin(tx, policy)
            info = _info(tx, name)
            self._parts.note(before, info)
        self._parts.signals(f"{settings_push.POLICY}{name}")
        return info

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete a policy with its twin. Raises NotFound, NotPossibleNow when it is read-only or used, or
        ChangedMeanwhile."""
        with self._parts.changing() as tx:
            self._parts.note(before=self._editable(tx, name, seen))
            policy = tx.policies.find(name)
            twin = failback_twin(policy).name if policy else name
            users = [machine.name for machine in tx.machines.list() if machine.policy in (name, twin)]
            if users:
                raise errors.NotPossibleNow(
                    f"Policy '{name}' is used by {counted(len(users), 'machine')}.",
                    do="Give them another policy ('secondsite machine set MACHINE --policy NAME') first: "
                    + ", ".join(users[:10]),
                )
            tx.policies.remove(twin)
            tx.policies.remove(name)

    def assigned(self, name: str) -> MachinePolicy:
        """The policy of a machine. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _of_machine(machines.existing(self._parts, tx, name))

    def assign(self, name: str, request: MachinePolicyChange, seen: Seen | None = None) -> MachinePolicy:
        """Give a machine another policy; history that this one keeps no longer is deleted as after any
        lowered retention. Raises NotFound, InvalidArgument for a read-only policy, NotPossibleNow for one
        that encrypts replicas while the machine's is not, ChangedMeanwhile."""
        with self._parts.changing() as tx:
            tx.one_at_a_time("policies")
            machine = machines.existing(self._parts, tx, name)
            before = _of_machine(machine)
            require(seen, before, f"The policy of {machine.name}")
            lookup.require_policy(tx, request.policy)
            _require_encrypted(tx, machine, request.policy)
            self._parts.names_edition(f"policy/{request.policy}/{_info(tx, request.policy).edition()}")
            read_only = {policy.name: fixed for policy, fixed in tx.policies.list()}
            policy = in_force(request.policy, read_only, machine.reversed)
            tx.machines.put(replace(machine, policy=policy))
            after = before.model_copy(update={"policy": policy})
            self._parts.note(before, after)
        self._parts.signals(f"{settings_push.POLICY}{policy}")
        return after

    def _editable(self, tx: Transaction, name: str, seen: Seen | None) -> Policy:
        tx.one_at_a_time("policies")
        info = _info(tx, name)
        require(seen, info, f"Policy '{name}'")
        _refuse_read_only(info)
        return info


def _of_machine(machine: MachineRecord) -> MachinePolicy:
    return MachinePolicy(machine=machine.id, name=machine.name, policy=machine.policy)


def _require_encrypted(tx: Transaction, machine: MachineRecord, name: str) -> None:
    """Raises NotPossibleNow for a policy that encrypts: a replica that is not encrypted stays so until
    protection begins again."""
    policy = tx.policies.find(name)
    if policy is not None and policy.encrypt and not machine.encrypted:
        raise errors.NotPossibleNow(
            f"Policy '{name}' encrypts replicas, and that of {machine.name} is not encrypted.",
            do=f"Give a policy that does not; or protect {machine.name} anew with this one.",
        )


def put_with_twin(tx: Transaction, policy: ReplicationPolicy) -> None:
    """Write the policy and its read-only failback twin."""
    tx.policies.put(policy)
    tx.policies.put(failback_twin(policy), read_only=True)


def _create(tx: Transaction, policy: ReplicationPolicy) -> Policy:
    tx.one_at_a_time("policies")
    for name in (policy.name, failback_twin(policy).name):
        if tx.policies.find(name):
            raise errors.AlreadyExists(
                f"There is a policy '{name}' already.",
                do=(
                    f"Choose another name, or change it: 'secondsite policy update {shlex.quote(name)} "
                    "--help'."
                ),
            )
    put_with_twin(tx, policy)
    return _info(tx, policy.name)


def _policy(request: PolicyShape) -> ReplicationPolicy:
    if not NAME.fullmatch(request.name):
        raise errors.InvalidArgument(
            f"'{request.name}' cannot be the name of a policy.",
            do="Use letters, digits, '.', '_' and '-', at most 80.",
        )
    return request.to_domain()


def _refuse_read_only(info: Policy) -> None:
    if info.read_only:
        raise errors.NotPossibleNow(
            f"Policy '{info.name}' is the failback twin of another policy and read-only.",
            do="Change or delete the policy that it belongs to.",
        )


def _info(tx: Transaction, name: str) -> Policy:
    for info in _infos(tx):
        if info.name == name:
            return info
    raise errors.NotFound.named("policy", name)


def _infos(tx: Transaction) -> list[Policy]:
    users: dict[str, list[MachineRecord]] = {}
    for machine in tx.machines.list():
        users.setdefault(machine.policy, []).append(machine)
    return [
        _with_users(policy, users.get(policy.name, ()), read_only=read_only)
        for policy, read_only in tx.policies.list()
    ]


def _with_users(policy: ReplicationPolicy, users: Sequence[MachineRecord], *, read_only: bool) -> Policy:
    plain = tuple(machine.name for machine in users if policy.encrypt and not machine.encrypted)
    return Policy.of(policy).model_copy(
        update={"read_only": read_only, "used_by": len(users), "not_encrypted": plain}
    )
