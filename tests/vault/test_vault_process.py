"""The vault as a process: init, run, kill, stop; its REST port over real TLS."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from secondsite.appliance.enrol import enrol
from secondsite.domain import errors
from secondsite.entry import settings, vault_main
from tests.support.eventually import eventually

PROGRAM = (
    "import sys, pathlib; from secondsite.entry import vault_main; vault_main.run(pathlib.Path(sys.argv[1]))"
)


class Process:
    """`secondsite vault run` on a home."""

    def __init__(self, home):
        self.home = home
        self.log = home / "stderr"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", PROGRAM, str(home)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )
        line = self.process.stdout.readline()
        if not line.startswith("vault ready https://"):
            self.end(signal.SIGKILL)
            raise AssertionError(line + self.log.read_text())
        self.url = line.split()[-1]

    def get(self, path, token=None, ca=None):
        context = ssl.create_default_context(cafile=str(ca or self.home / "pki" / "ca.pem"))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{self.url}/api{path}", headers=headers)
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return json.loads(answer.read())

    def post(self, path, token, body):
        context = ssl.create_default_context(cafile=str(self.home / "pki" / "ca.pem"))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return json.loads(answer.read())

    def end(self, how=signal.SIGTERM):
        """Seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(20)
        self.process.stdout.close()
        return time.monotonic() - began

    def memory_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


@pytest.fixture
def made(tmp_path):
    return vault_main.init(tmp_path / "home", rest_port=0, control_port=0)


@pytest.fixture
def start(made):
    """Starts the vault; ends what is still running."""
    started = []

    def start():
        started.append(Process(made.token_file.parent))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


def test_init_makes_a_vault_once_and_keeps_its_secrets_to_itself(made, capsys):
    home = made.token_file.parent
    assert made.token_file.read_text().strip() == made.token
    for secret in (
        made.token_file,
        home / "pki" / "ca.key",
        home / "pki" / "server.key",
        home / "vault.json",
    ):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    with pytest.raises(errors.AlreadyExists):
        vault_main.init(home)
    vault_main.announce(made)
    assert made.ca_fingerprint in capsys.readouterr().out


def test_an_init_that_was_broken_off_is_completed_by_the_next(made):
    home = made.token_file.parent
    (home / settings.FILE).unlink()
    again = vault_main.init(home)
    assert (again.ca_fingerprint, again.token != made.token) == (made.ca_fingerprint, True)


def test_a_home_without_a_vault_says_what_to_do(tmp_path):
    with pytest.raises(errors.NotFound) as refused:
        vault_main.run(tmp_path)
    assert "vault init" in refused.value.do


def test_a_vault_serves_over_its_own_tls_and_stops_within_five_seconds(made, start):
    vault = start()
    assert vault.get("/health") == {"status": "ok"}
    assert vault.get("/vault", made.token)["ca_fingerprint"] == made.ca_fingerprint
    with pytest.raises(urllib.error.HTTPError) as refused:
        vault.get("/vault", "sst_wrong")
    assert refused.value.code == 401
    refused.value.close()
    assert vault.memory_bytes() < 150 * 1024 * 1024
    assert vault.end() < 5
    assert vault.process.returncode == 0


def test_a_vault_that_was_killed_comes_back_with_everything_it_acknowledged(made, start):
    vault = start()
    vault.post("/sites", made.token, {"name": "a"})
    vault.end(signal.SIGKILL)
    vault = start()
    assert [site["name"] for site in vault.get("/sites", made.token)] == ["a"]


def test_a_second_vault_on_the_same_database_is_refused(made, start):
    vault = start()
    with pytest.raises(AssertionError, match=r"engine|runs"):
        start()
    assert vault.get("/health") == {"status": "ok"}


def test_a_port_that_is_taken_is_said_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        vault_main.init(tmp_path / "home", rest_port=port, control_port=0)
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "home")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)
    assert ended.returncode != 0
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr


def test_a_vault_on_postgresql_serves_and_survives_a_kill(tmp_path, postgres_url):
    made = vault_main.init(tmp_path / "home", database_url=postgres_url, rest_port=0, control_port=0)
    vault = Process(tmp_path / "home")
    assert vault.get("/vault", made.token)["database"] == "postgresql"
    vault.post("/sites", made.token, {"name": "a"})
    vault.end(signal.SIGKILL)
    vault = Process(tmp_path / "home")
    assert [site["name"] for site in vault.get("/sites", made.token)] == ["a"]
    assert vault.end() < 5


def test_an_appliance_enrolls_itself_after_it_has_compared_the_fingerprint(made, start, tmp_path):
    vault = start()
    vault.post("/sites", made.token, {"name": "a"})
    key = vault.post("/sites/a/registration-key", made.token, {})
    places = {"store": tmp_path / "store", "scratch": tmp_path / "scratch"}
    with pytest.raises(errors.CertificateRefused):
        enrol(vault.url, key["key"], "0" * 64, "one", tmp_path / "appliance", **places)
    config = enrol(vault.url, key["key"], key["ca_fingerprint"], "one", tmp_path / "appliance", **places)
    assert config.site == "a"
    eventually(lambda: vault.get("/appliances", made.token)[0]["name"] == "one")
    with pytest.raises(errors.RegistrationRefused):
        enrol(vault.url, key["key"], key["ca_fingerprint"], "two", tmp_path / "other", **places)
