"""The vault's own certificate renews itself while its ports are open."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import WebSocketException

from secondsite.vault.fleet.gateway.certificate_authority import create_authority
from secondsite.vault.fleet.gateway.server_tls import ServerTls
from tests.support.vault import Dialler


class Clock:
    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now


def shown(port):
    """The certificate that a port shows, in DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            return tls.getpeercert(binary_form=True)


def der(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@pytest.fixture
def clock():
    return Clock()


def test_a_port_shows_the_new_certificate_without_a_restart(tmp_path, clock):
    authority = create_authority(tmp_path, "CA", clock())
    server_tls = ServerTls(authority, tmp_path, ["localhost"], clock)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_tls.certificate, server_tls.key)
    server_tls.follow(context)
    first = der(server_tls.certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            for _ in range(3):
                plain, _address = server.accept()
                with context.wrap_socket(plain, server_side=True) as tls:
                    tls.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        assert shown(port) == first
        server_tls.look()
        assert shown(port) == first
        clock.now += timedelta(days=380)
        server_tls.look()
        assert shown(port) == der(server_tls.certificate) != first
        thread.join(5)


def test_the_control_port_lets_in_whom_it_let_in_after_a_renewal(vault):
    identity = vault.enroll("a")
    server_tls = vault.running.server_tls
    before = der(server_tls.certificate)
    server_tls.certificate.unlink()
    server_tls.look()
    assert der(server_tls.certificate) != before
    with Dialler(identity) as dialler:
        assert dialler.socket.socket.getpeercert(binary_form=True) == der(server_tls.certificate)
        assert dialler.greeting.type == "welcome"
    stranger = ssl.create_default_context(cafile=str(identity.ca))
    identity.context = lambda: stranger
    with pytest.raises((OSError, EOFError, WebSocketException)):
        Dialler(identity)
