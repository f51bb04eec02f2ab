"""Routes: people who log in with a name."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import Response

from ....wire import rest
from ...access import Vault
from ...headers import ETAG, IfMatch, OnceHeader, answers, tag
from ...routers import guarded
from ..names import PersonName

router = guarded("people")


@router.get("/people")
def list_people(vault: Vault) -> Sequence[rest.Person]:
    """People who log in with a name: their roles, and when they were here last."""
    return vault.people.list()


@router.post("/people", status_code=HTTPStatus.CREATED)
def create_person(vault: Vault, once: OnceHeader, request: rest.PersonCreate) -> rest.NewLink:
    """Creates a person. By the link in the answer, which appears nowhere else and counts once within three
    days, the person comes in and chooses a password."""
    return vault.people.create(request, once)


@router.get("/people/{person}", responses=answers(HTTPStatus.OK, ETAG))
def show_person(vault: Vault, response: Response, person: PersonName) -> rest.Person:
    """One person."""
    return tag(response, vault.people.show(person))


@router.put("/people/{person}", responses=answers(HTTPStatus.OK, ETAG))
def change_person(
    vault: Vault, response: Response, person: PersonName, seen: IfMatch, request: rest.PersonChange
) -> rest.Person:
    """Sets a person's roles and scope. The person's sessions end."""
    return tag(response, vault.people.change(person, request, seen))


@router.delete("/people/{person}", status_code=HTTPStatus.NO_CONTENT)
def delete_person(vault: Vault, person: PersonName, seen: IfMatch) -> None:
    """Deletes a person, whose sessions end."""
    vault.people.delete(person, seen)


@router.put("/people/{person}/disabled")
def disable_person(vault: Vault, person: PersonName) -> rest.Person:
    """The person cannot log in any more; sessions and links end."""
    return vault.people.disable(person)


@router.delete("/people/{person}/disabled")
def enable_person(vault: Vault, person: PersonName) -> rest.Person:
    """The person may log in again, with the password of before."""
    return vault.people.enable(person)


@router.post("/people/{person}/reset-password")
def reset_password(vault: Vault, once: OnceHeader, person: PersonName) -> rest.NewLink:
    """Ends a person's password and sessions; by the link in the answer the person chooses another."""
    return vault.people.reset_password(person, once)


@router.delete("/people/{person}/second-factor")
def reset_second_factor(vault: Vault, person: PersonName) -> rest.Person:
    """Ends a person's second factor, and sessions."""
    return vault.people.reset_second_factor(person)


@router.get("/log-in/settings")
def show_log_in_settings(vault: Vault) -> rest.LogInSettings:
    """What a log-in needs."""
    return vault.second_factor.settings()


@router.put("/log-in/settings")
def change_log_in_settings(vault: Vault, request: rest.LogInSettings) -> rest.LogInSettings:
    """Sets what a log-in needs. Who has less of it keeps the session, and may only read."""
    return vault.second_factor.change_settings(request)
