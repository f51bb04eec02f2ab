"""secondsite person login-link: root at the vault's own host lets somebody in, also while no provider and no
administrator can be reached."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..cli.nouns.access.person import Name, show_link
from ..cli.options import Json
from ..domain.access.roles import Role
from ..ground.urls import bracketed
from ..wire import rest
from .running import DEFAULT_VAULT_HOME, VaultHome

if TYPE_CHECKING:
    from ..vault.store import Transaction

MadeWith = Annotated[
    list[Role] | None,
    typer.Option("--role", help="Make the person with this role, if there is none of that name; repeat it."),
]


def person_login_link(
    name: Name, role: MadeWith = None, home: VaultHome = DEFAULT_VAULT_HOME, as_json: Json = False
) -> None:
    """Make a link by which a person logs in once within ten minutes, without password and code; only at the
    vault's host. It is recorded."""
    from . import settings

    chosen = settings.read(home)
    made = login_link(home, name, tuple(role or ()))
    show_link(made, f"https://{bracketed(chosen.names[0])}:{chosen.rest_port}", as_json)


def login_link(home: Path, name: str, roles: tuple[Role, ...] = ()) -> rest.NewLink:
    """A link that lets the person in; also while the vault runs. With roles, a person who is not there is
    made. Raises NotFound, NotPossibleNow for a person who is disabled."""
    from ..jobs.model.clock import utc_now
    from ..jobs.storage import database
    from ..vault import store as vault_store
    from . import service_user, settings

    service_user.become_owner(home)
    db = database.connect(settings.read(home).database_url)
    try:
        with vault_store.Store(db).transaction() as tx:
            tx.one_at_a_time(vault_store.PEOPLE_LOCK)
            return _linked(tx, name, roles, utc_now())
    finally:
        db.dispose()


def _linked(tx: "Transaction", name: str, roles: tuple[Role, ...], now: datetime) -> rest.NewLink:
    from ..domain.access.chain import Entry, Outcome
    from ..domain.access.sessions import LogInWay
    from ..vault.facade.acts import text_of
    from ..vault.facade.callers import THE_VAULT
    from ..vault.facade.nouns.login import people

    is_new = bool(roles) and tx.people.named(name) is None
    person = people.new(tx, name, roles, None, now) if is_new else people.existing(tx, name)
    people.require_enabled(person)
    changed, link = people.linked(person, LogInWay.RECOVERY, now, ())
    (tx.people.add if is_new else tx.people.put)(changed)
    tx.audit.append(
        Entry(
            at=now, who=THE_VAULT.name, token_id="", address="", verb="person login-link",
            object=f"/people/{person.name}", outcome=Outcome.DONE,
            details=text_of({"until": link.until.isoformat(), "made": is_new}),
        )
    )  # fmt: skip
    return link
