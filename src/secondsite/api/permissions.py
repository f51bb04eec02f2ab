"""The permission that each call needs: declared here, and only here. A call without one is refused to
everybody.

Some bodies need more permissions: a verb that goes on without a site, a job that is run again. Who may grant
or refuse a request for approval depends on what it asks for.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ..domain import errors
from ..domain.access import roles
from ..domain.access.roles import OF_THE_WHOLE_VAULT, Permission
from ..domain.lifecycle import Verb
from ..domain.plans import run_selection

BASE = "/api"
FOR_ONE = "_one"
"""The end of the name of a verb's route for one machine."""
OF_PLAN = "_of_plan"
"""The end of the name of a verb's route for a recovery plan."""


def verb_of(route: str) -> str:
    """The verb of a route with this name, by which it may need approval."""
    return route.removesuffix(FOR_ONE).removesuffix(OF_PLAN)


OPEN = frozenset(
    {
        "GET /health",
        "GET /ready",
        "GET /ca",
        "POST /enroll",
        "POST /session",
        "POST /session/question",
        "GET /log-in",
        "POST /log-in/begin",
        "POST /log-in/finish",
        "POST /logins",
        "POST /logins/poll",
    }
)
"""Calls that need no token."""


def _verbs() -> Iterator[tuple[str, Permission]]:
    for verb, permission in roles.NEEDS.items():
        name = verb.value.replace("_", "-")
        yield f"POST /machines/{name}", permission
        if verb is not Verb.ENABLE_PROTECTION:
            yield f"POST /machines/{{machine}}/{name}", permission
        if verb in run_selection.VERBS:
            yield f"POST /plans/{{plan}}/{name}", permission


NEEDS: Mapping[str, Permission] = MappingProxyType(
    {
        "GET /vault": Permission.ENTER,
        "GET /summary": Permission.READ,
        "GET /overview": Permission.READ,
        "GET /metrics": Permission.READ,
        "GET /capacity": Permission.READ,
        "GET /report": Permission.READ,
        "GET /validation": Permission.READ,
        "GET /lifecycle": Permission.ENTER,
        "GET /sites": Permission.READ,
        "POST /sites": Permission.CONFIGURE,
        "GET /sites/{site}": Permission.READ,
        "DELETE /sites/{site}": Permission.CONFIGURE,
        "PUT /sites/{site}/bandwidth": Permission.EQUIP,
        "PUT /sites/{site}/verification": Permission.EQUIP,
        "GET /sites/{site}/inventory": Permission.READ,
        "GET /site-pairs": Permission.READ,
        "GET /site-pairs/{site}/{other}": Permission.READ,
        "PUT /site-pairs/{site}/{other}": Permission.CONFIGURE,
        "POST /sites/{site}/registration-key": Permission.EQUIP,
        "GET /appliances": Permission.READ,
        "GET /appliances/{appliance}": Permission.READ,
        "POST /appliances/{appliance}/registration-key": Permission.EQUIP,
        "DELETE /appliances/{appliance}": Permission.EQUIP,
        "PUT /appliances/{appliance}/drain": Permission.EQUIP,
        "DELETE /appliances/{appliance}/drain": Permission.EQUIP,
        "POST /appliances/{appliance}/adopt": Permission.CONFIGURE,
        "GET /networks": Permission.READ,
        "GET /networks/mappings": Permission.READ,
        "PUT /networks/mappings": Permission.CONFIGURE,
        "DELETE /networks/mappings": Permission.CONFIGURE,
        "GET /pools": Permission.READ,
        "POST /pools": Permission.CONFIGURE,
        "GET /pools/{pool}": Permission.READ,
        "PUT /pools/{pool}": Permission.CONFIGURE,
        "DELETE /pools/{pool}": Permission.CONFIGURE,
        "DELETE /pools/{pool}/addresses/{address}": Permission.CONFIGURE,
        "GET /policies": Permission.READ,
        "POST /policies": Permission.CONFIGURE,
        "GET /policies/{policy}": Permission.READ,
        "PUT /policies/{policy}": Permission.CONFIGURE,
        "DELETE /policies/{policy}": Permission.CONFIGURE,
        "GET /tokens": Permission.MANAGE_ACCESS,
        "POST /tokens": Permission.MANAGE_ACCESS,
        "POST /tokens/{name}/rotate": Permission.MANAGE_ACCESS,
        "DELETE /tokens/{name}": Permission.MANAGE_ACCESS,
        "GET /people": Permission.MANAGE_ACCESS,
        "POST /people": Permission.MANAGE_ACCESS,
        "GET /people/{person}": Permission.MANAGE_ACCESS,
        "PUT /people/{person}": Permission.MANAGE_ACCESS,
        "DELETE /people/{person}": Permission.MANAGE_ACCESS,
        "PUT /people/{person}/disabled": Permission.MANAGE_ACCESS,
        "DELETE /people/{person}/disabled": Permission.MANAGE_ACCESS,
        "POST /people/{person}/reset-password": Permission.MANAGE_ACCESS,
        "DELETE /people/{person}/second-factor": Permission.MANAGE_ACCESS,
        "GET /log-in/providers": Permission.MANAGE_ACCESS,
        "POST /log-in/providers": Permission.MANAGE_ACCESS,
        "GET /log-in/providers/{provider}": Permission.MANAGE_ACCESS,
        "PUT /log-in/providers/{provider}": Permission.MANAGE_ACCESS,
        "DELETE /log-in/providers/{provider}": Permission.MANAGE_ACCESS,
        "POST /log-in/providers/{provider}/test": Permission.MANAGE_ACCESS,
        "GET /log-in/settings": Permission.ENTER,
        "PUT /log-in/settings": Permission.MANAGE_ACCESS,
        "PUT /session/password": Permission.ENTER,
        "POST /session/second-factor": Permission.ENTER,
        "PUT /session/second-factor": Permission.ENTER,
        "POST /session/second-factor/remove": Permission.ENTER,
        "GET /session/security-keys": Permission.ENTER,
        "POST /session/security-keys": Permission.ENTER,
        "POST /session/security-keys/begin": Permission.ENTER,
        "POST /session/security-keys/ask": Permission.ENTER,
        "POST /session/security-keys/{key}/remove": Permission.ENTER,
        "GET /logins/{code}": Permission.ENTER,
        "POST /logins/{code}/approve": Permission.ENTER,
        "POST /logins/{code}/refuse": Permission.ENTER,
        "GET /session": Permission.ENTER,
        "DELETE /session": Permission.ENTER,
        "GET /sessions": Permission.ENTER,
        "DELETE /sessions/{session}": Permission.ENTER,
        "GET /audit": Permission.READ_AUDIT,
        "GET /audit/verify": Permission.READ_AUDIT,
        "GET /audit/settings": Permission.READ_AUDIT,
        "PUT /audit/settings": Permission.MANAGE_ACCESS,
        "GET /evidence": Permission.READ,
        "GET /evidence/{evidence}": Permission.READ,
        "GET /evidence/{evidence}/pictures/{sha256}": Permission.READ,
        "GET /approvals": Permission.ENTER,
        "GET /approvals/settings": Permission.ENTER,
        "PUT /approvals/settings": Permission.MANAGE_ACCESS,
        "GET /approvals/{number}": Permission.ENTER,
        "POST /approvals/{number}/grant": Permission.ENTER,
        "POST /approvals/{number}/refuse": Permission.ENTER,
        "POST /approvals/{number}/withdraw": Permission.ENTER,
        "GET /groups": Permission.READ,
        "POST /groups": Permission.PROTECT,
        "GET /groups/{group}": Permission.READ,
        "PUT /groups/{group}": Permission.PROTECT,
        "DELETE /groups/{group}": Permission.PROTECT,
        "POST /groups/{group}/add": Permission.PROTECT,
        "POST /groups/{group}/remove": Permission.PROTECT,
        "GET /plans": Permission.READ,
        "POST /plans": Permission.PROTECT,
        "POST /plans/{plan}/keep-open": Permission.OPERATE,
        "GET /plans/{plan}": Permission.READ,
        "PUT /plans/{plan}": Permission.PROTECT,
        "DELETE /plans/{plan}": Permission.PROTECT,
        "GET /plans/{plan}/choices": Permission.READ,
        "GET /plans/{plan}/preview": Permission.READ,
        "GET /drills/schedules": Permission.READ,
        "POST /drills/schedules": Permission.PROTECT,
        "GET /drills/schedules/{schedule}": Permission.READ,
        "PUT /drills/schedules/{schedule}": Permission.PROTECT,
        "DELETE /drills/schedules/{schedule}": Permission.PROTECT,
        "POST /drills/schedules/{schedule}/run": Permission.OPERATE,
        "GET /notices/targets": Permission.CONFIGURE,
        "POST /notices/targets": Permission.CONFIGURE,
        "GET /notices/targets/{target}": Permission.CONFIGURE,
        "PUT /notices/targets/{target}": Permission.CONFIGURE,
        "DELETE /notices/targets/{target}": Permission.CONFIGURE,
        "POST /notices/targets/{target}/test": Permission.CONFIGURE,
        "GET /machines": Permission.READ,
        "GET /machine-rows": Permission.READ,
        "GET /discovery": Permission.READ,
        "GET /machines/{machine}": Permission.READ,
        "GET /machines/{machine}/settings": Permission.READ,
        "PUT /machines/{machine}/settings": Permission.PROTECT,
        "GET /machines/{machine}/drill/passes": Permission.READ,
        "POST /machines/{machine}/drill/passes": Permission.OPERATE,
        "DELETE /machines/{machine}/drill/passes/{pass_id}": Permission.OPERATE,
        "POST /machines/{machine}/drill/way": Permission.TEST,
        "POST /drills/ways/{way}": Permission.TEST,
        "GET /machines/{machine}/checks": Permission.READ,
        "PUT /machines/{machine}/checks": Permission.PROTECT,
        "GET /machines/{machine}/connecting": Permission.READ,
        "PUT /machines/{machine}/connecting/{line}": Permission.OPERATE,
        "DELETE /machines/{machine}/connecting/{line}": Permission.OPERATE,
        "GET /machines/{machine}/hooks": Permission.READ,
        "PUT /machines/{machine}/hooks": Permission.PROTECT,
        "GET /machines/{machine}/properties": Permission.READ,
        "PUT /machines/{machine}/properties": Permission.PROTECT,
        "GET /machines/{machine}/policy": Permission.READ,
        "PUT /machines/{machine}/policy": Permission.PROTECT,
        "POST /machines/{machine}/start-anyway": Permission.GIVE_UP,
        "GET /machines/{machine}/rpo": Permission.READ,
        "GET /machines/{machine}/churn": Permission.READ,
        "GET /machines/{machine}/points": Permission.READ,
        "PUT /machines/{machine}/points/{point}/hold": Permission.OPERATE,
        "DELETE /machines/{machine}/points/{point}/hold": Permission.PROTECT,
        "POST /machines/{machine}/points/{point}/verify": Permission.OPERATE,
        "POST /machines/{machine}/points/{point}/boot": Permission.OPERATE,
        "POST /machines/{machine}/points/{point}/restore": Permission.OPERATE,
        "POST /machines/{machine}/points/{point}/list-files": Permission.READ_FILES,
        "POST /machines/{machine}/points/{point}/fetch-files": Permission.READ_FILES,
        "POST /machines/{machine}/points/{point}/send-files": Permission.READ_FILES,
        "GET /machines/{machine}/choices": Permission.READ,
        "GET /machines/{machine}/preview": Permission.READ,
        "GET /machines/{machine}/prediction": Permission.READ,
        "GET /machines/{machine}/reprotect-preview": Permission.READ,
        "GET /machines/{machine}/preflight": Permission.READ,
        "GET /appliances/{appliance}/check": Permission.READ,
        "GET /machines/{machine}/appliances": Permission.READ,
        "GET /sites/{site}/machines/{machine}/appliances": Permission.READ,
        "GET /sites/{site}/machines/{machine}/preflight": Permission.READ,
        "GET /jobs": Permission.READ,
        "GET /jobs/{job}": Permission.READ,
        "GET /jobs/{job}/picture": Permission.READ,
        "POST /jobs/{job}/cancel": Permission.OPERATE,
        "POST /jobs/{job}/retry": Permission.OPERATE,
        "POST /jobs/{job}/resume": Permission.OPERATE,
        "POST /jobs/{job}/answer": Permission.OPERATE,
        "GET /jobs/{job}/events": Permission.READ,
        "GET /events": Permission.READ,
        "GET /live": Permission.READ,
        **dict(_verbs()),
    }
)


def needed(method: str, path: str) -> Permission:
    """The permission for the route with this path (below /api, names in braces). Raises Forbidden for one
    without a declared permission."""
    found = NEEDS.get(f"{method} {path}")
    if found is None:
        raise errors.Forbidden(
            f"{method} {BASE}{path} does not declare which permission it needs, so nobody may call it.",
            do="This is a defect: report it.",
        )
    return found


def describe(document: Mapping[str, Any]) -> None:
    """Add to the API's description which permission each call needs."""
    for path, methods in document["paths"].items():
        for method, what in methods.items():
            permission = NEEDS.get(f"{method.upper()} {path.removeprefix(BASE)}")
            if permission is not None:
                what["x-permission"] = permission.value
                what["x-roles"] = [role.value for role in roles.roles_with(permission)]
                what["description"] = f"{what.get('description', '')}\n\n{_sentence(permission)}".strip()


def _sentence(permission: Permission) -> str:
    if permission is Permission.ENTER:
        return "Needs any valid token, or a session."
    names = ", ".join(role.value for role in roles.roles_with(permission))
    where = ", of the whole vault" if permission in OF_THE_WHOLE_VAULT else ""
    return f"Needs the permission {permission.value}: {names}{where}."
