"""A whole vault in this process, and calls to it."""

import pytest

from tests.support.postgres import postgres, postgres_url
from tests.support.vault import protected, two_sites, vault
from tests.support.vault_process import made, start

__all__ = ["made", "postgres", "postgres_url", "protected", "start", "two_sites", "vault"]


@pytest.fixture
def ask(vault):
    """A call with a token: method, path, wanted status; gives the answer's JSON."""

    def ask(method, path, wanted=200, **how):
        answer = vault.rest.request(method, f"/api{path}", **how)
        assert answer.status_code == wanted, answer.text
        return answer.json() if answer.content else None

    return ask
