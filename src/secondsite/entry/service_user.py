"""Makes a service's commands work as the owner of its home, never as root by mistake."""

import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..domain import errors

DEFAULT_VAULT_HOME = Path("/var/lib/secondsite/vault")
DEFAULT_APPLIANCE_HOME = Path("/var/lib/secondsite/appliance")
"""The home that systemd makes for the service."""

UNITS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
"""The folders where deploy/install and our Debian packages put the units of the services."""


def to_start(kind: str, home: Path) -> str:
    """What a person types to start a 'vault' or an 'appliance': an installed one has a unit, and goes on when
    that person logs out."""
    unit = f"secondsite-{kind}"
    has_unit = any((folder / f"{unit}.service").exists() for folder in UNITS)
    is_installed = has_unit and home in (DEFAULT_VAULT_HOME, DEFAULT_APPLIANCE_HOME)
    return (
        f"systemctl enable --now {unit}"
        if is_installed
        else f"secondsite {kind} run --home {shlex.quote(str(home))}"
    )


def become_owner(home: Path) -> None:
    """If this process is root, continue as the owner of the home: the service can then read what is made
    there, and files of the service cannot make root do anything. Harmless for anybody else, and for a home
    that is not there yet."""
    if not _differs(home):
        return
    owner = home.stat()
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    os.environ["HOME"] = str(home)  # libpq reads .pgpass there, under systemd too


@contextlib.contextmanager
def become_owner_with(home: Path, file: Path) -> Iterator[Path]:
    """As `become_owner`; yields a copy of the file that the owner may read, since perhaps only root may read
    the original. Raises StoreUnavailable."""
    try:
        copy = _copied(home, file) if _differs(home) and file.is_file() else None
    except OSError as error:
        raise errors.StoreUnavailable(
            f"{file} could not be brought into {home}: {error.strerror or error}.",
            do="It needs as much space there as the file has; then repeat the command.",
        ) from error
    become_owner(home)
    try:
        yield copy or file
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)


def _differs(home: Path) -> bool:
    return os.geteuid() == 0 and home.exists() and home.stat().st_uid != 0


def _copied(home: Path, file: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=".given-", suffix=f"-{file.name}", dir=home)
    with open(handle, "wb") as copy, file.open("rb") as original:
        shutil.copyfileobj(original, copy)
        os.fchown(copy.fileno(), home.stat().st_uid, home.stat().st_gid)
    return Path(name)
