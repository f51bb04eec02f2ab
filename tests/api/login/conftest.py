"""Vaults whose clock can be set forward, and people who log in there."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.entry import vault_wiring
from tests.support.login.browsers import PASSWORD, Browser
from tests.support.vault import VaultInProcess


class Clock:
    """The clock of the vault's host; `ahead` says by how much it was set forward."""

    ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(vault_wiring, "utc_now", clock)
    return clock


@pytest.fixture
def vault(clock, tmp_path):
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()


@pytest.fixture
def browser(vault):
    """A browser; `browser()` is one, which is not logged in."""
    return lambda: Browser(vault)


@pytest.fixture
def admin(vault, browser):
    """A browser in which the first token's holder is logged in."""
    admin = browser()
    admin.log_in(vault.made.token)
    return admin


@pytest.fixture
def token(ask):
    """Makes a token; gives its secret."""

    def token(name, *roles, **more):
        return ask("POST", "/tokens", 201, json={"name": name, "roles": roles, **more})["token"]

    return token


@pytest.fixture
def person(ask, browser):
    """Makes a person, who has chosen a password; gives a browser in which the person is logged in."""

    def person(name, *roles, **more):
        made = ask("POST", "/people", 201, json={"name": name, "roles": roles or ("reader",), **more})
        mine = browser()
        mine.log_in(link=made["link"])
        mine("PUT", "/session/password", json={"password": PASSWORD})
        return mine

    return person


@pytest.fixture
def with_secret(ask):
    """A call with the secret of a session, as a command line makes it."""

    def with_secret(secret, method, path, wanted=200, **how):
        return ask(method, path, wanted, headers={"Authorization": f"Bearer {secret}"}, **how)

    return with_secret
