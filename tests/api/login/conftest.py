"""A browser that keeps the vault's cookie, and pages that make it ask."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from secondsite.api.credentials import COOKIE
from secondsite.entry import vault_wiring
from tests.support.vault import VaultInProcess

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """Asks as a browser does: with its cookie, and never with a token."""

    def __init__(self, vault):
        self._rest = vault.rest
        self.cookie = None

    def __call__(self, method, path, wanted=200, headers=OWN_PAGE, **how):
        """The answer's JSON, to a request that a page with these headers makes."""
        answer = self.answer(method, path, headers, **how)
        assert answer.status_code == wanted, answer.text
        return answer.json() if answer.content else None

    def answer(self, method, path, headers=OWN_PAGE, **how):
        request = self._rest.build_request(method, f"/api{path}", headers=headers, **how)
        if "authorization" not in headers:
            del request.headers["Authorization"]
        if self.cookie is not None:
            cookie = ("cookie", f"theme=dark; {COOKIE}={self.cookie}".encode("latin-1"))
            request.headers = httpx2.Headers([*request.headers.multi_items(), cookie])
        answer = self._rest.send(request)
        for set_cookie in answer.headers.get_list("set-cookie"):
            self.cookie = set_cookie.partition(";")[0].partition("=")[2].strip('"') or None
        return answer

    def log_in(self, token=None, wanted=201, **by):
        return self("POST", "/session", wanted, json={"token": token} if token else by)


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


PASSWORD = "three stones in the river"


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
