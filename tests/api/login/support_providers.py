"""A vault that knows a provider, and browsers that go there."""

import pytest

from secondsite.api.credentials import AT_PROVIDER, COOKIE
from tests.api.login.conftest import OWN_PAGE, Browser
from tests.support.openid_provider import openid

GROUPS = [
    {"group": "dr-admins", "roles": ["contributor", "access_administrator"]},
    {"group": "dr-operators", "roles": ["operator"]},
    {"group": "dr-paris", "roles": ["reader", "operator"], "site": "paris"},
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return openid.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def provider(authority):
    provider = openid.Scripted(authority)
    yield provider
    provider.close()


@pytest.fixture
def create(ask, authority):
    """Makes a provider of the vault's."""
    ask("POST", "/sites", 201, json={"name": "paris"})

    def create(name, issuer, wanted=201, **more):
        body = {"name": name, "issuer": issuer, "client_id": openid.CLIENT, "secret": openid.SECRET}
        return ask(
            "POST",
            "/log-in/providers",
            wanted,
            json={**body, "groups": GROUPS, "ca_pem": authority.pem, **more},
        )

    return create


@pytest.fixture
def staff(create, provider):
    """A provider that says what the test wants, known to the vault as `staff`."""
    create("staff", provider.issuer)
    return provider


class ProviderBrowser(Browser):
    """A browser that goes to providers, and keeps the cookie for it."""

    kept = None

    def answer(self, method, path, headers=OWN_PAGE, **how):
        if self.kept is not None:
            headers = {**headers, "cookie": f"{AT_PROVIDER}={self.kept}"}
        before, self.cookie = self.cookie, None if self.kept is not None else self.cookie
        answer = super().answer(method, path, headers, **how)
        self.cookie = before
        for each in answer.headers.get_list("set-cookie"):
            name, _, value = each.partition(";")[0].partition("=")
            value = value.strip('"') or None
            self.kept = value if name == AT_PROVIDER else self.kept
            self.cookie = value if name == COOKIE else self.cookie
        return answer

    def begin(self, name="staff", wanted=200, **how):
        return self("POST", "/log-in/begin", wanted, json={"provider": name}, **how)

    def finish(self, came_back, wanted=201, name="staff", **how):
        return self("POST", "/log-in/finish", wanted, json={"provider": name, **came_back}, **how)

    def enter(self, provider, wanted=201, by="staff", **who):
        return self.finish(provider.log_in(self.begin(by)["address"], **who), wanted, by)


@pytest.fixture
def browser(vault):
    return lambda: ProviderBrowser(vault)
