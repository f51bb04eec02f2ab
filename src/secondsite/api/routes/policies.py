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
    """A policy, and the read-only policy of the way back."""
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
    """Other values for a policy, told to the appliances of its machines; what is not given gets its
    default."""
    return tag(response, vault.policies.update(policy, request, seen))


@router.delete("/policies/{policy}", status_code=HTTPStatus.NO_CONTENT)
def delete_policy(vault: Vault, policy: PolicyName, seen: IfMatch) -> None:
    """A policy that no machine has, and the policy of the way back."""
    vault.policies.delete(policy, seen)


@router.get("/machines/{machine}/policy", responses=answers(HTTPStatus.OK, ETAG))
def show_machine_policy(vault: Vault, response: Response, machine: MachineName) -> rest.MachinePolicy:
    """The policy that a machine under protection has now: on its way back that is a twin."""
    return tag(response, vault.policies.assigned(machine))


@router.put("/machines/{machine}/policy", responses=answers(HTTPStatus.OK, ETAG))
def change_machine_policy(
    vault: Vault, response: Response, machine: MachineName, seen: IfMatch, request: rest.MachinePolicyChange
) -> rest.MachinePolicy:
    """Another policy for a machine under protection; its appliances are told. On its way back it has that
    policy's twin."""
    return tag(response, vault.policies.assign(machine, request, seen))
