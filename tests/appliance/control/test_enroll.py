"""Enrollment against a small HTTPS vault."""

import contextlib
import http.server
import json
import ssl
import subprocess
import sys
import threading
from typing import Any

import pytest
import trustme
from cryptography import x509

from secondsite.appliance.control import enrollment
from secondsite.appliance.shared.config import ApplianceConfig
from secondsite.domain import errors

pytestmark = pytest.mark.slow


class Vault(http.server.BaseHTTPRequestHandler):
    shown: bytes
    answered: bytes
    certificate: str
    asked: list[Any]

    def do_GET(self):
        self._answer(200, self.shown)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        if body["key"] == "elsewhere":
            self._answer(307, b"", Location=self.path)
            return
        if body["key"] != "right":
            problem = {
                "code": "registration-refused",
                "message": "The key is unknown.",
                "do": "Make a new one.",
            }
            self._answer(401, json.dumps({"error": problem}).encode())
            return
        x509.load_pem_x509_csr(body["csr_pem"].encode())
        answer = {
            "appliance_id": "id-1", "site": "a", "certificate_pem": self.certificate,
            "ca_pem": self.answered.decode(),
            "control_url": "wss://vault:8444",
        }  # fmt: skip
        self._answer(200, json.dumps(answer).encode())

    def _answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(ca, shown, answered):
    """A vault whose TLS certificate is of this CA, which shows one CA and answers with one; its URL, and
    what it was asked."""
    asked: list[Any] = []
    handler = type(
        "Handler",
        (Vault,),
        {
            "shown": shown,
            "answered": answered,
            "asked": asked,
            "certificate": ca.issue_cert("id-1").cert_chain_pems[0].bytes().decode(),
        },
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", common_name="vault").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def vault(ca):
    with served(ca, ca.cert_pem.bytes(), ca.cert_pem.bytes()) as found:
        yield found


def enrolled(url, home, ca, key="right", fingerprint=None):
    wanted = fingerprint or enrollment.fingerprint(ca.cert_pem.bytes().decode())
    return enrollment.enroll(url, key, wanted, "web", home, store=home / "store", scratch=home / "scratch")


def test_an_enrolled_appliance_has_its_files(vault, ca, tmp_path):
    url, _ = vault
    config = enrolled(url, tmp_path / "home", ca)
    assert ApplianceConfig.load(tmp_path / "home") == config
    assert config.appliance_id == "id-1"
    assert x509.load_pem_x509_certificate(config.certificate.read_bytes()).subject
    assert config.key.stat().st_mode & 0o077 == 0


def test_a_wrong_fingerprint_stops_before_the_key_is_shown(vault, ca, tmp_path):
    url, asked = vault
    with pytest.raises(errors.CertificateRefused):
        enrolled(url, tmp_path / "home", ca, fingerprint="00" * 32)
    assert asked == []


@pytest.mark.parametrize("order", ["true, then theirs", "theirs, then true", "twice the true one"])
def test_a_man_in_the_middle_who_shows_the_true_ca_beside_his_own_sees_no_key(ca, tmp_path, order):
    """The fingerprint is of the true one; TLS would trust both."""
    theirs = trustme.CA()
    true_pem, their_pem = ca.cert_pem.bytes(), theirs.cert_pem.bytes()
    shown = {"true, then theirs": true_pem + their_pem, "theirs, then true": their_pem + true_pem}
    with served(theirs, shown.get(order, true_pem * 2), their_pem) as (url, asked):
        with pytest.raises(errors.CertificateRefused, match="several certificates"):
            enrolled(url, tmp_path / "home", ca)
        assert asked == []


def test_an_answer_with_another_ca_than_the_compared_one_is_refused(ca, tmp_path):
    with served(ca, ca.cert_pem.bytes(), trustme.CA().cert_pem.bytes()) as (url, _):
        with pytest.raises(errors.CertificateRefused, match="another CA"):
            enrolled(url, tmp_path / "home", ca)
    assert not (tmp_path / "home" / "tls" / "ca.pem").exists()


def test_a_refused_key_says_what_to_do(vault, ca, tmp_path):
    url, _ = vault
    with pytest.raises(errors.RegistrationRefused) as refused:
        enrolled(url, tmp_path / "home", ca, key="wrong")
    assert refused.value.do == "Make a new one."


def test_a_vault_that_is_not_there_is_unreachable(ca, tmp_path):
    with pytest.raises(errors.ApplianceUnreachable):
        enrolled("https://127.0.0.1:1", tmp_path / "home", ca)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1", "https://", "https://vault:port"])
def test_an_address_that_is_none_is_refused(url, ca, tmp_path):
    with pytest.raises(errors.InvalidArgument, match="not an https address"):
        enrolled(url, tmp_path / "home", ca)


def test_a_certificate_for_another_name_stops_before_the_key_is_shown(vault, ca, tmp_path):
    """The CA is the right one, and signs appliances too: the name has to be the vault's."""
    url, asked = vault
    with pytest.raises(errors.CertificateRefused, match="Hostname mismatch"):
        enrolled(url.replace("127.0.0.1", "localhost"), tmp_path / "home", ca)
    assert asked == []


def test_the_environment_leads_no_enrolment_through_a_proxy(vault, ca, tmp_path, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    url, _ = vault
    assert enrolled(url, tmp_path / "home", ca).appliance_id == "id-1"


def test_a_redirect_is_not_followed(vault, ca, tmp_path):
    url, asked = vault
    with pytest.raises(errors.ApplianceUnreachable, match="HTTP 307"):
        enrolled(url, tmp_path / "home", ca, key="elsewhere")
    assert len(asked) == 1


def test_an_appliance_that_runs_has_loaded_no_shapes_of_rest():
    """They take a tenth of its start, and are for enrollment alone."""
    loaded = (
        "import sys; from secondsite.entry import appliance_main; print('secondsite.wire.rest' in "
        "sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.split() == ["False"]
