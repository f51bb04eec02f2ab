"""The login of a person at a host lies in a file, and its secret in the keyring, if there is one."""

import json
import os
import stat
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from secondsite.client import keyring, login_file
from secondsite.client.login_file import Login
from secondsite.domain import errors
from tests.support import packages

LOGIN = Login("https://vault.example:8443", "/ca.pem", "s3cret of the session", "2999-01-01T00:00:00+00:00")
UNLOCKED = 'printf pw | gnome-keyring-daemon --unlock --components=secrets > /dev/null && exec "$@"'
DAEMON = Path("/usr/bin/gnome-keyring-daemon")


@pytest.fixture
def home(monkeypatch, tmp_path):
    for name, where in (("HOME", tmp_path), ("XDG_RUNTIME_DIR", tmp_path), ("XDG_DATA_HOME", tmp_path)):
        monkeypatch.setenv(name, str(where))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    return tmp_path


def in_a_session(program):
    """What a program says that runs where a keyring is unlocked."""
    command = ("dbus-run-session", "--", "sh", "-c", UNLOCKED, "sh", sys.executable, "-c", program)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def there() -> Login:
    found = login_file.read()
    assert found is not None
    return found


def kept(home):
    return json.loads((home / ".config/secondsite/login.json").read_text())


def test_without_a_keyring_the_file_has_the_secret_and_is_private(home):
    file = login_file.write(LOGIN)
    assert file is not None
    assert file == home / ".config/secondsite/login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert login_file.secret_of(there()) == kept(home)["secret"] == LOGIN.secret
    login_file.forget()
    assert login_file.read() is None


def test_a_keyring_that_gives_nothing_is_told(home):
    login_file.write(LOGIN)
    file = home / ".config/secondsite/login.json"
    file.write_text(json.dumps({**kept(home), "secret": ""}))
    with pytest.raises(errors.Unauthenticated, match="keyring does not give"):
        login_file.secret_of(there())


def test_a_keyring_has_the_secret_until_the_log_out(home):
    packages.require("keyring", lambda: DAEMON.exists() and util.find_spec(keyring.MODULE) is not None)
    program = f"""
from secondsite.client import keyring, login_file
login = login_file.{LOGIN!r}
print(login_file.write(login), keyring.get(login.url) == login.secret)
print(login_file.path().read_text().count(login.secret))
print(login_file.secret_of(login_file.read()) == login.secret)
login_file.forget()
print(keyring.get(login.url), login_file.read())
"""
    assert in_a_session(program) == ["None", "True", "0", "True", "None", "None"]
