"""Errors as ErrorBody answers (code, message, do). Here, and only here, a code becomes an HTTP status."""

import math
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..domain import errors
from ..wire.common.base import Problem
from ..wire.rest import ErrorBody
from .permissions import BASE

log = structlog.get_logger()

STATUS: Mapping[str, HTTPStatus] = MappingProxyType(
    {
        "invalid-argument": HTTPStatus.UNPROCESSABLE_ENTITY,
        "unauthenticated": HTTPStatus.UNAUTHORIZED,
        "second-factor-needed": HTTPStatus.UNAUTHORIZED,
        "too-many-attempts": HTTPStatus.TOO_MANY_REQUESTS,
        "forbidden": HTTPStatus.FORBIDDEN,
        "request-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "request-too-slow": HTTPStatus.REQUEST_TIMEOUT,
        "registration-refused": HTTPStatus.FORBIDDEN,
        "certificate-refused": HTTPStatus.FORBIDDEN,
        "not-found": HTTPStatus.NOT_FOUND,
        "already-exists": HTTPStatus.CONFLICT,
        "not-possible-now": HTTPStatus.CONFLICT,
        "stale-order": HTTPStatus.CONFLICT,
        "point-damaged": HTTPStatus.CONFLICT,
        "definition-changed": HTTPStatus.CONFLICT,
        "unsafe-to-view": HTTPStatus.CONFLICT,
        "old-disk-away": HTTPStatus.CONFLICT,
        "encryption-key-missing": HTTPStatus.CONFLICT,
        "encryption-key-wrong": HTTPStatus.CONFLICT,
        "conflict": HTTPStatus.CONFLICT,
        "approval-needed": HTTPStatus.CONFLICT,
        "seed-refused": HTTPStatus.UNPROCESSABLE_ENTITY,
        "idempotency-key-reused": HTTPStatus.UNPROCESSABLE_ENTITY,
        "prerequisite-failed": HTTPStatus.CONFLICT,
        "changed-meanwhile": HTTPStatus.PRECONDITION_FAILED,
        "appliance-unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
        "peer-unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
        "store-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
        "deadline-exceeded": HTTPStatus.GATEWAY_TIMEOUT,
        "provider-unavailable": HTTPStatus.BAD_GATEWAY,
        "fabric-error": HTTPStatus.BAD_GATEWAY,
        "machine-away": HTTPStatus.BAD_GATEWAY,
        "datapath": HTTPStatus.BAD_GATEWAY,
        "replica-error": HTTPStatus.BAD_GATEWAY,
        "store-full": HTTPStatus.BAD_GATEWAY,
        "scratch-exhausted": HTTPStatus.BAD_GATEWAY,
        "not-ours": HTTPStatus.BAD_GATEWAY,
    }
)
"""A code that is not here is a defect: 500."""
MOST_FAULTS, MOST_OF_A_FAULT = 10, 300
"""The most faults of a request that are listed, and the most characters of each."""

ANSWERS: dict[int | str, dict[str, object]] = {
    "4XX": {
        "model": ErrorBody,
        "description": "400: cannot be read. 401: no valid token. 403: the token's roles do not allow it, or "
        "a registration key or certificate is refused. 404: does not exist. 408: the body did not "
        "come in time. 409: the state does not allow it, prerequisites are not met, another was faster, or "
        "a second person has to approve it. 412: it is no longer the edition of If-Match. 413: the body is "
        "too large. 422: not possible in any state. 429: too many attempts to log in failed.",
    },
    "5XX": {
        "model": ErrorBody,
        "description": "500: a defect. 502: a hypervisor or a store of a site failed. 503: the database or an appliance does not answer. 504: no answer in time.",  # noqa: E501
    },
}


def install(app: FastAPI) -> None:
    """Make `app` answer every error as an ErrorBody."""
    app.add_exception_handler(errors.SecondsiteError, _ours)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def _answer(problem: Problem, status: int) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(ErrorBody(error=problem).model_dump(mode="json"), status, headers)


def answer(error: errors.SecondsiteError) -> JSONResponse:
    """The answer for an error."""
    problem = Problem.of(error)
    answered = _answer(problem, STATUS.get(problem.code, HTTPStatus.INTERNAL_SERVER_ERROR))
    if isinstance(error, errors.ApprovalNeeded) and error.number is not None:
        answered.headers["Location"] = f"{BASE}/approvals/{error.number}"
    if isinstance(error, errors.TooManyAttempts):
        answered.headers["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    return answered


def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.SecondsiteError)
    return answer(error)


def _not_valid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    told = [f"{_place(one['loc'])}: {one['msg']}"[:MOST_OF_A_FAULT] for one in found[:MOST_FAULTS]]
    more = f"; and {len(found) - MOST_FAULTS} more" if len(found) > MOST_FAULTS else ""
    refused = errors.InvalidArgument(
        f"The request is not valid: {'; '.join(told)}{more}.", do="Correct it; see /api/docs."
    )
    unreadable = any(one["type"] == "json_invalid" for one in found)
    return _answer(
        Problem.of(refused), HTTPStatus.BAD_REQUEST if unreadable else HTTPStatus.UNPROCESSABLE_ENTITY
    )


def _place(location: tuple[int | str, ...]) -> str:
    """The place of a fault: 'machines.0' for ('body', 'machines', 0)."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    known = {404: "not-found", 405: "invalid-argument"}
    code = known.get(error.status_code, "invalid-argument")
    message = f"{request.method} {request.scope['path']}: {error.detail}."
    problem = Problem(code=code, message=message, do="See /api/docs for the calls that exist.")
    answered = _answer(problem, error.status_code)
    answered.headers.update(error.headers or {})  # Allow, with 405
    return answered


def _defect(request: Request, error: Exception) -> JSONResponse:
    number = secrets.token_hex(4)
    log.error(
        "request.crashed", number=number, method=request.method, path=request.scope["path"], exc_info=error
    )
    # Details go to the log only: the text of an unexpected error may hold SQL, paths and others' values.
    told = errors.Internal(
        f"The vault failed to answer this {request.method} request.",
        do=f"This is a defect: report it with what the vault's log says about request {number}.",
    )
    return answer(told)
