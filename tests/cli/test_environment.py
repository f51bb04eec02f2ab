"""What a user's shell, a service manager or cron gives a process along changes no answer: real processes,
which share one vault."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from rig.eventually import eventually
from secondsite.entry import vault_main

pytestmark = pytest.mark.slow

PROGRAM = (sys.executable, "-m", "secondsite.entry.main")
INSTALLED = (sys.executable, "-IXutf8", "-m", "secondsite.entry.main")
"""As the first line of the script says that deploy/install makes."""
OLD_TLS = "openssl_conf = x\n[x]\nssl_conf = y\n[y]\nsystem_default = z\n[z]\nMaxProtocol = TLSv1.2\n"
ODD = {
    "proxies": {
        "https_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "socks5://127.0.0.1:9",
        "ALL_PROXY": "nonsense",
        "NO_PROXY": "[::",
    },
    "tls": {"SSL_CERT_FILE": "/nowhere", "SSLKEYLOGFILE": "/", "OPENSSL_CONF": "FOLDER/openssl.cnf"},
    "terminal": {"COLUMNS": "0", "LINES": "x", "TERM": "nonsense"},
    "no size": {"COLUMNS": "", "NO_COLOR": "1", "TERM": ""},
    "language": {"LC_ALL": "xx_XX.nonsense", "LANG": "de_DE", "LANGUAGE": "de:fr", "TZ": "No/Where"},
    "python": {"PYTHONSTARTUP": "/nowhere", "PYTHONWARNINGS": "error", "PYTHONSAFEPATH": "1",
    "PYTHONOPTIMIZE": "2"},
    "paths": {"PATH": "/nowhere", "HOME": "/dev/null", "TMPDIR": "/nowhere"},
    "nothing said": {"SECONDSITE_URL": "", "SECONDSITE_CA": "", "SECONDSITE_TOKEN": ""},
}  # fmt: skip
ALL = {name: value for row in ODD.values() for name, value in row.items()}
FATAL = {
    "PYTHONHOME": "/nowhere",
    "PYTHONUTF8": "7",
    "PYTHONIOENCODING": "nonsense",
    "PYTHONPATH": "FOLDER/shadows",
    "PYTHONHASHSEED": "x",
    "LC_ALL": "C",
}


class Home:
    """A vault that started in the oddest environment, without room for a word of output."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "openssl.cnf").write_text(OLD_TLS)
        (folder / "shadows").mkdir()
        (folder / "shadows/json.py").write_text("raise SystemExit('another module')")
        with contextlib.ExitStack() as taken:
            free = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
            self.ports = [each.getsockname()[1] for each in free]
        vault_main.init(folder / "vault", rest_port=self.ports[0], control_port=self.ports[1])
        self.client = folder / "vault/client.json"
        pki = folder / "vault/pki/ca.pem"
        content = {
            "url": f"https://127.0.0.1:{self.ports[0]}",
            "token_file": f"{folder}/vault/token",
            "ca": str(pki),
        }
        self.client.write_text(json.dumps(content))

    def environment(self, **odd):
        ours = ("SECONDSITE_", "COLUMNS", "LINES")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        kept |= {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "SECONDSITE_CLIENT": str(self.client),
        }
        return kept | {name: value.replace("FOLDER", str(self.folder)) for name, value in odd.items()}

    def start(self, *words):
        """With standard input closed, and both outputs full."""
        line = 'exec "$@" <&- >/dev/full 2>/dev/full'
        return subprocess.Popen(["/bin/sh", "-c", line, "-", *PROGRAM, *words], env=self.environment(**ALL))

    def type(self, *words, program=PROGRAM, shell='exec "$@"', **odd):
        command = ["/bin/sh", "-c", shell, "-", *program, *words]
        return subprocess.run(
            command, env=self.environment(**odd), capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.ports[0]), 5).close()
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("environment"))
    vault = home.start("vault", "run", "--home", str(home.folder / "vault"))
    try:
        eventually(home.answers, within_seconds=60)
        yield home
    finally:
        vault.terminate()
        vault.wait(30)


@pytest.fixture(scope="module")
def plain(home):
    said = home.type("policy", "list")
    assert said.returncode == 0, said.stderr
    assert "default" in said.stdout
    return said.stdout


def test_all_odd_variables_at_once_change_nothing(home, plain):
    said = home.type("policy", "list", **ALL)
    assert (said.returncode, said.stdout, said.stderr) == (0, plain, "")


@pytest.mark.every(by="test")
@pytest.mark.parametrize("row", ODD)
def test_odd_variables_change_nothing(home, plain, row):
    said = home.type("policy", "list", **ODD[row])
    assert (said.returncode, said.stdout, said.stderr) == (0, plain, "")


def test_an_installed_program_hears_none_of_the_variables_that_end_python(home, plain):
    said = home.type("policy", "show", "nööne", program=INSTALLED, **FATAL)
    assert said.returncode == 3
    assert "no policy 'nööne'" in said.stderr


@pytest.mark.parametrize(
    ("shell", "code", "told"),
    [
        ('exec "$@" > /dev/full', 70, "No space left on device"),
        ('exec "$@" >&-', 0, ""),
        ('exec "$@" <&- >&- 2>&-', 0, ""),
        ('"$@" | true', 0, ""),
        pytest.param('ulimit -n 12; exec "$@"', 0, "", marks=pytest.mark.every(by="test")),
        pytest.param('mkdir gone; cd gone; rmdir ../gone; exec "$@"', 0, "",
        marks=pytest.mark.every(by="test")),
        pytest.param('umask 777; exec "$@"', 0, "", marks=pytest.mark.every(by="test")),
    ],
)  # fmt: skip
def test_odd_streams_limits_and_folders_give_the_answer_or_a_clear_error(home, plain, shell, code, told):
    said = home.type("policy", "list", shell=shell)
    assert said.returncode == code
    assert told in said.stderr if told else said.stderr == ""
    assert "Traceback" not in said.stderr
    assert said.stdout in ("", plain)


@pytest.mark.parametrize("shell", ['exec "$@" 2> /dev/full', 'exec "$@" 2>&-'])
def test_an_exit_code_tells_where_no_word_can(home, shell):
    assert home.type("policy", "show", "none", shell=shell).returncode == 3


def test_a_name_that_is_no_utf_8_is_refused_in_words(home):
    said = home.type("policy", "show", b"n\xf6ne".decode("utf-8", "surrogateescape"))
    assert (said.returncode, "is not UTF-8 text" in said.stderr) == (2, True)


def test_a_closed_stream_is_no_file_that_is_opened_next(home):
    """A database that got the number of standard error had words of libraries in it."""
    words = ("vault", "init", "--home", str(home.folder / "quiet"))
    assert home.type(*words, shell='exec "$@" <&- >&- 2>&-').returncode == 0
    assert (home.folder / "quiet/vault.db").read_bytes().startswith(b"SQLite format 3\0")


def test_a_folder_that_cannot_be_used_is_named(home):
    said = home.type("vault", "init", "--home", "/proc/vault")
    assert (said.returncode, "Traceback" in said.stderr, "/proc/vault cannot be used" in said.stderr) == (
        4,
        False,
        True,
    )


@pytest.mark.parametrize("late", ["typer", "rich.console"])
def test_ctrl_c_while_the_program_is_loaded_ends_it_without_a_word(home, late):
    folder = home.folder / f"interrupted-{late}"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(INTERRUPTING.format(late=late))
    path = os.pathsep.join([str(folder), *(each for each in sys.path if each)])
    said = home.type("policy", "list", PYTHONPATH=path)
    assert (said.returncode, said.stdout, said.stderr) == (-signal.SIGINT, "", "")


INTERRUPTING = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{late}":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""
"""Interrupts the process when it begins to load a module."""


@pytest.mark.every
def test_an_appliance_in_an_odd_environment_is_connected(home):
    def must(*words):
        said = home.type(*words, **ALL)
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    must("site", "create", "paris")
    made = json.loads(must("appliance", "create-registration-key", "--site", "paris", "--json"))
    (home.folder / "key").write_text(made["key"])
    (home.folder / "platform").mkdir()
    appliance = str(home.folder / "appliance")
    must(
        "appliance", "enroll", "--vault", f"https://127.0.0.1:{home.ports[0]}", "--fingerprint",
        made["ca_fingerprint"],
        "--name", "one", "--fabric", "simulated", "--uri", str(home.folder / "platform"), "--home", appliance,
        "--key-file", str(home.folder / "key"), "--listen", f"127.0.0.1:{home.ports[2]}",
    )  # fmt: skip
    running = home.start("appliance", "run", "--home", appliance)
    try:
        eventually(lambda: "connected" in must("appliance", "list"), within_seconds=60)
    finally:
        running.terminate()
        running.wait(30)
