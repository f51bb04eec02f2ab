"""Routes: replication policies."""

from http import HTTPStatus

from fastapi import Response

from ...wire import rest
from ..access import Vault
from ..headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..routers import guarded
from .names import MachineName, PolicyName

router = guarded("policies")


@router.get("/policies")
def list_policies(vault: Vault, paging: Paging) -> rest.PolicyPage:
    """All policies, by name."""
    items, following = by_name(vault.policies.list(), paging)
    return rest.PolicyPage(items=items, next=following)


@router.post(
    "/policies", status_code=HTTPStatus.CREATED, responses=answers(HTTPStatus.CREATED, LOCATION, ETAG)
)
def create_policy(
    vault: Vault, response: Response, once: OnceHeader, request: rest.PolicyCreate
) -> rest.Policy:
    """Creates a policy, and its read-only twin for failing back."""
    made = tag(response, vault.policies.create(request, once))
    locate(response, "policies", made.name)
    return made


@router.get("/policies/{policy}", responses=answers(HTTPStatus.OK, ETAG))
def show_policy(vault: Vault, response: Response, policy: PolicyName) -> rest.Policy:
    """One policy."""
    return tag(response, vault.policies.show(policy))


@router.put("/policies/{policy}", responses=answers(HTTPStatus.OK, ETAG))
def update_policy(
    vault: Vault, response: Response, policy: PolicyName, seen: IfMatch, request: rest.PolicyCreate
) -> rest.Policy:
    """Replaces the values of a policy; the appliances of its machines are told. Values that are not given get
    their defaults."""
    return tag(response, vault.policies.update(policy, request, seen))


@router.delete("/policies/{policy}", status_code=HTTPStatus.NO_CONTENT)
def delete_policy(vault: Vault, policy: PolicyName, seen: IfMatch) -> None:
    """Deletes a policy that no machine has, and its failback twin."""
    vault.policies.delete(policy, seen)


@router.get("/machines/{machine}/policy", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_policy(vault: Vault, response: Response, machine: MachineName) -> rest.MachinePolicy:
    """The present policy of a machine under protection: after a failover that is the policy's failback
    twin."""
    return tag(response, vault.policies.assigned(machine))


@router.put("/machines/{machine}/policy", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_policy(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: rest.MachinePolicyChange
) -> rest.MachinePolicy:
    """Gives a machine under protection another policy; its appliances are told. On the way back it gets that
    policy's failback twin."""
    return tag(response, vault.policies.assign(machine, request, seen))
