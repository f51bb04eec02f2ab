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
TRY = "import keyring; keyring.set_password('a', 'b', 'kept'); print(keyring.get_password('a', 'b'), end='')"
PLAIN = """
from pathlib import Path
from keyring.backend import KeyringBackend


class Plain(KeyringBackend):
    priority = {priority}
    file = Path("{file}")

    def set_password(self, service, name, secret):
        self.file.write_text(secret)

    def get_password(self, service, name):
        return self.file.read_text() if self.file.exists() else None

    def delete_password(self, service, name):
        self.file.unlink(missing_ok=True)
"""
DAEMON = Path("/usr/bin/gnome-keyring-daemon")


@pytest.fixture
def home(monkeypatch, tmp_path):
    for name, where in (("HOME", tmp_path), ("XDG_RUNTIME_DIR", tmp_path), ("XDG_DATA_HOME", tmp_path)):
        monkeypatch.setenv(name, str(where))
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
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


@pytest.fixture
def library():
    """The library that asks keyrings, and one to ask."""
    packages.require("keyring", lambda: DAEMON.exists() and util.find_spec(keyring.MODULE) is not None)


def test_a_keyring_has_the_secret_until_the_log_out(home, library):
    program = f"""
from secondsite.client import keyring, login_file
login = login_file.{LOGIN!r}
print(login_file.write(login), keyring.get(login_file.entry(login)) == login.secret)
print(login_file.path().read_text().count(login.secret))
print(login_file.secret_of(login_file.read()) == login.secret)
login_file.forget()
print(keyring.get(login_file.entry(login)), login_file.read())
"""
    assert in_a_session(program) == ["None", "True", "0", "True", "None", "None"]


def test_two_homes_with_one_keyring_are_of_two_people(home, library):
    """What was done in one home went under the name of whoever logged in at the other one."""
    program = f"""
import os
from dataclasses import replace
from secondsite.client import login_file
ann = login_file.{LOGIN!r}
login_file.write(ann)
os.environ["HOME"] += "/other"
login_file.write(replace(ann, secret="of-bob"))
print(login_file.secret_of(login_file.read()))
os.environ["HOME"] = {str(home)!r}
print(login_file.secret_of(login_file.read()) == ann.secret)
"""
    assert in_a_session(program) == ["of-bob", "True"]


def test_a_log_in_takes_that_of_another_vault_out_of_the_keyring(home, library):
    """It opened that vault for twelve hours, and nobody knew of it."""
    program = f"""
from dataclasses import replace
from secondsite.client import keyring, login_file
former = login_file.{LOGIN!r}
login_file.write(former)
login_file.write(replace(former, url="https://other.example", secret="other"))
print(keyring.get(login_file.entry(former)), login_file.secret_of(login_file.read()))
"""
    assert in_a_session(program) == ["None", "other"]


def test_a_log_out_takes_out_what_lay_in_a_keyring_that_was_locked(home, library):
    """The log-in after it was in the file, and only the file was looked at."""
    program = f"""
import json
from secondsite.client import keyring, login_file
login = login_file.{LOGIN!r}
login_file.write(login)
file = login_file.path()
file.write_text(json.dumps({{**json.loads(file.read_text()), "secret": "of the file"}}))
login_file.forget()
print(keyring.get(login_file.entry(login)), file.exists())
"""
    assert in_a_session(program) == ["None", "False"]


@pytest.mark.parametrize(("module", "priority"), [("plain", 0.5), ("keyrings.alt.plain", 3)])
def test_what_keeps_secrets_in_plain_files_is_no_keyring(home, library, module, priority):
    """ "Kept in your keyring" was said of a file that anybody reads who has the disk."""
    file = home / f"{module.replace('.', '/')}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PLAIN.format(priority=priority, file=home / "plain.txt"))
    settings = home / ".config/python_keyring/keyringrc.cfg"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[backend]\ndefault-keyring={module}.Plain\nkeyring-path={home}\n")
    with_library = [sys.executable, "-I", "-c", TRY]
    assert subprocess.run(with_library, capture_output=True, text=True, check=True).stdout == "kept"
    assert login_file.write(LOGIN) is not None
    assert kept(home)["secret"] == LOGIN.secret
