"""The client before a whole vault in this process: its requests go into the application itself."""

import httpx2
import pytest

from secondsite.client import Connection, Vault
from tests.support.vault import protected, two_sites, vault
from tests.support.vault_process import made, start

__all__ = ["made", "protected", "start", "two_sites", "vault"]


class ThroughTheApplication(httpx2.BaseTransport):
    """Hands requests to the application of a vault, and keeps them in `asked`."""

    def __init__(self, rest: httpx2.Client) -> None:
        self._rest = rest
        self.asked: list[httpx2.Request] = []
        self.lose = 0
        """So many answers get lost on their way."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.asked.append(request)
        answer = self._rest.send(request)
        if self.lose:
            self.lose -= 1
            raise httpx2.ReadError("the connection broke", request=request)
        headers = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        return httpx2.Response(answer.status_code, headers=headers, content=answer.content)


@pytest.fixture
def network(vault):
    return ThroughTheApplication(vault.rest)


@pytest.fixture
def remote(vault, network):
    """The vault as a program sees it."""
    with Vault(Connection("https://vault", vault.made.token, vault.made.ca_file, network)) as remote:
        yield remote
