"""A real PostgreSQL for tests: a throw-away cluster on a unix socket, run by an unprivileged user."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import psycopg
import pytest

from rig.eventually import eventually
from secondsite.jobs.storage import database as opening

INSTALLED = Path("/usr/lib/postgresql")
"""A folder for each release, as Debian has it; the newest counts."""


def _programs() -> Path:
    return max(INSTALLED.glob("*/bin"), key=lambda found: float(found.parent.name), default=INSTALLED)


PROGRAMS = _programs()


class Cluster:
    """A cluster in a directory of its own; `stop` and `start` are what a restart of the server is."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="secondsite-pg-", dir="/tmp"))
        self._server: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        setup = ["initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(self._as_user(*setup), check=True, capture_output=True, timeout=60, cwd="/")

    @property
    def _data(self) -> str:
        return str(self.directory / "data")

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        command = [str(PROGRAMS / program), *arguments]
        if os.geteuid() != 0:
            return command
        # The server ends with the test run, however that ends.
        user = ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT"]
        return ["setpriv", *user, *command]

    def start(self) -> None:
        settings = ("listen_addresses=", f"unix_socket_directories={self.directory}", "fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            command = self._as_user("postgres", "-D", self._data, *options)
            self._server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        eventually(self._answers, within_seconds=30)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast, every session is cut off. SIGQUIT: as if it had crashed."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(timeout=30)
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.parent.joinpath(f"{self.directory.name}.log").unlink(missing_ok=True)

    def dsn(self, name: str) -> str:
        return f"host={self.directory} user=postgres dbname={name}"

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.directory}"

    def run(self, statement: str) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    @contextlib.contextmanager
    def fresh_database(self):
        """The URL of an empty database, dropped afterwards."""
        name = f"t{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres():
    """The running cluster."""
    if not (PROGRAMS / "postgres").exists():
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def postgres_url(postgres):
    """The URL of an empty database on the cluster."""
    with postgres.fresh_database() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request, tmp_path):
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def database(database_url):
    """An empty database of each kind, opened as the product opens it."""
    db = opening.connect(database_url)
    yield db
    db.dispose()
