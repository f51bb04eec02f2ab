"""The vault as a process: init, run, kill, stop; its REST port over real TLS."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from rig.eventually import eventually
from secondsite.appliance.control.enrollment import enroll
from secondsite.domain import errors
from secondsite.entry import settings, vault_main
from secondsite.entry.vault_wiring import RunningVault
from tests.support.vault_process import PROGRAM, Process

pytestmark = pytest.mark.slow


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


def test_a_databases_password_is_not_shown(made, capsys):
    url = "postgresql+psycopg://dr:hunter2@db.example.net/dr"
    vault_main.announce(
        dataclasses.replace(made, settings=made.settings.model_copy(update={"database_url": url}))
    )
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    assert "postgresql+psycopg://dr:***@db.example.net/dr" in shown


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_what_root_makes_in_the_home_of_a_service_belongs_to_the_service(tmp_path):
    home = tmp_path / "vault"
    home.mkdir(mode=0o700)
    os.chown(home, 65534, 65534)
    for folder in tmp_path.parents:
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o011)
    tmp_path.chmod(0o711)
    subprocess.run(
        [sys.executable, "-m", "secondsite.entry.main", "vault", "init", "--home", home, "--host",
        "127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    made = [path.lstat() for path in (home, *home.rglob("*"))]
    assert {found.st_uid for found in made} == {65534}
    assert len(made) > 5


def test_an_init_that_was_broken_off_is_completed_by_the_next(made):
    home = made.token_file.parent
    (home / settings.FILE).unlink()
    again = vault_main.init(home)
    assert (again.ca_fingerprint, again.token != made.token) == (made.ca_fingerprint, True)


def test_a_home_without_a_vault_says_what_to_do(tmp_path):
    with pytest.raises(errors.NotFound) as refused:
        vault_main.run(tmp_path)
    assert "vault init" in refused.value.do


def test_what_a_newer_release_has_used_is_refused_with_the_reason(made):
    home = made.token_file.parent
    with contextlib.closing(sqlite3.connect(home / "vault.db")) as database, database:
        database.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(
        errors.NotPossibleNow, match=r"A newer release has changed .* revision 9999"
    ) as refused:
        RunningVault(home, settings.read(home))
    assert "Upgrade" in refused.value.do
    path = home / settings.FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "guards_of_tomorrow": True}))
    with pytest.raises(errors.InvalidArgument, match="does not know: guards_of_tomorrow") as unknown:
        settings.read(home)
    assert "with the newer release" in unknown.value.do


def test_a_database_of_a_day_between_two_releases_is_refused_with_the_command_that_brings_it_on(made):
    home = made.token_file.parent
    with contextlib.closing(sqlite3.connect(home / "vault.db")) as database, database:
        database.execute("update alembic_version set version_num = '0031'")
    with pytest.raises(
        errors.NotPossibleNow, match=r"older than release 0\.2\.0: .* revision 0031"
    ) as refused:
        RunningVault(home, settings.read(home))
    assert "git checkout" in refused.value.do


def test_a_vault_serves_over_its_own_tls_and_stops_when_asked(made, start):
    vault = start()
    assert vault.get("/health") == {"status": "ok"}
    assert vault.get("/vault", made.token)["ca_fingerprint"] == made.ca_fingerprint
    with pytest.raises(urllib.error.HTTPError) as refused:
        vault.get("/vault", "sst_wrong")
    assert refused.value.code == 401
    refused.value.close()
    assert vault.memory_bytes() < 150 * 1024 * 1024
    assert vault.end() < 20
    assert vault.process.returncode == 0


def test_a_vault_that_was_killed_comes_back_with_everything_it_acknowledged(made, start):
    vault = start()
    vault.post("/sites", made.token, {"name": "a"})
    vault.end(signal.SIGKILL)
    vault = start()
    assert [site["name"] for site in vault.get("/sites", made.token)["items"]] == ["a"]


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
    assert [site["name"] for site in vault.get("/sites", made.token)["items"]] == ["a"]
    assert vault.end() < 20


def test_an_appliance_enrolls_itself_after_it_has_compared_the_fingerprint(made, start, tmp_path):
    vault = start()
    vault.post("/sites", made.token, {"name": "a"})
    key = vault.post("/sites/a/registration-key", made.token, {})
    places = {"store": tmp_path / "store", "scratch": tmp_path / "scratch"}
    with pytest.raises(errors.CertificateRefused):
        enroll(vault.url, key["key"], "0" * 64, "one", tmp_path / "appliance", **places)
    config = enroll(vault.url, key["key"], key["ca_fingerprint"], "one", tmp_path / "appliance", **places)
    assert config.site == "a"
    eventually(lambda: vault.get("/appliances", made.token)[0]["name"] == "one")
    with pytest.raises(errors.RegistrationRefused):
        enroll(vault.url, key["key"], key["ca_fingerprint"], "two", tmp_path / "other", **places)
