"""No way of writing an address leads a delivery to where clouds give their machines' secrets."""

import socket
from typing import cast

import pytest

from secondsite.vault.notices.delivery import connection


class Opened:
    def __init__(self, address):
        self.address = address

    def getpeername(self):
        return self.address, 443, 0, 0


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:7::a9fe:a9fe", "::ffff:0:169.254.169.254", "2002:a9fe:a9fe::1", "fe80::1%eth0",
        "64:ff9b::100.100.100.200",
    ],
)  # fmt: skip
def test_where_secrets_of_clouds_are_nothing_is_sent(address):
    with pytest.raises(connection.NotDelivered, match="nothing is sent there"):
        connection._refuse_own_network(cast(socket.socket, Opened(address)))  # noqa: SLF001


@pytest.mark.parametrize("address", ["192.0.2.7", "127.0.0.1", "2001:db8::a9fe:a9fe", "64:ff9b::c000:207"])
def test_other_receivers_are_told(address):
    connection._refuse_own_network(cast(socket.socket, Opened(address)))  # noqa: SLF001
