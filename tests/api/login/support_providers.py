"""A vault that knows a provider, and browsers that go there."""

import pytest

from tests.support.login.browsers import GROUPS, ProviderBrowser
from tests.support.openid_provider import openid


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


@pytest.fixture
def browser(vault):
    return lambda: ProviderBrowser(vault)
