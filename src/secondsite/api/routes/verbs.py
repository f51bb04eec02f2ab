"""Routes: every verb, for several machines and for one."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, Response

from ...domain.lifecycle import Verb
from ...vault.facade.nouns.verbs import OPTIONS, REQUESTS
from ...wire import rest
from ...wire.common.base import Shape
from ..access import Caller, Vault
from ..headers import LOCATION, AsRead, OnceHeader, answers, locate
from ..permissions import FOR_ONE
from ..routers import guarded
from .names import MachineName

router = guarded("verbs")


def _for_several(verb: Verb, shape: type[Shape]) -> Callable[..., rest.JobAccepted]:
    def start(
        vault: Vault,
        caller: Caller,
        response: Response,
        once: OnceHeader,
        request: Shape,
        read: AsRead = None,
    ) -> rest.JobAccepted:
        accepted = vault.verbs.start(verb, request, caller, once, read)
        locate(response, "jobs", accepted.job_id)
        return accepted

    start.__annotations__["request"] = shape
    start.__doc__ = shape.__doc__
    return start


def _for_one(verb: Verb, shape: type[Shape]) -> Callable[..., rest.JobAccepted]:
    def start(
        vault: Vault,
        caller: Caller,
        response: Response,
        once: OnceHeader,
        machine: MachineName,
        options: Shape | None = None,
        read: AsRead = None,
    ) -> rest.JobAccepted:
        accepted = vault.verbs.start_one(verb, machine, options or shape(), caller, once, read)
        locate(response, "jobs", accepted.job_id)
        return accepted

    needed = any(field.is_required() for field in shape.model_fields.values())
    start.__annotations__["options"] = Annotated[shape if needed else shape | None, Body()]
    if needed:
        start.__defaults__ = (None,)
    start.__doc__ = f"{REQUESTS[verb].__doc__} Here: one machine."
    return start


def _add(path: str, name: str, endpoint: Callable[..., Any]) -> None:
    router.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        responses=answers(HTTPStatus.ACCEPTED, LOCATION),
        name=name,
    )


for _verb, _shape in REQUESTS.items():
    _add(f"/machines/{_verb.value.replace('_', '-')}", _verb.value, _for_several(_verb, _shape))
for _verb, _shape in OPTIONS.items():
    _name = _verb.value.replace("_", "-")
    _add(f"/machines/{{machine}}/{_name}", f"{_verb.value}{FOR_ONE}", _for_one(_verb, _shape))
