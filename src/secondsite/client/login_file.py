"""The login of a person at a host: a file that only the person reads. Its secret, which ends, lies in the
person's keyring if there is one, else in the file."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..domain import errors
from ..ground import durable
from . import keyring

FILE = "~/.config/secondsite/login.json"
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Login:
    """Where one is logged in, with the secret of the session, and when that ends (UTC). In the file a secret
    that the keyring has is empty."""

    url: str
    ca: str
    secret: str
    ends_at: str

    def counts(self) -> bool:
        return datetime.fromisoformat(self.ends_at) > datetime.now(UTC)


def path() -> Path:
    """Raises RuntimeError where no home is known."""
    return Path(FILE).expanduser()


def entry(login: Login) -> str:
    """Where the keyring has the secret: several homes may share one."""
    return f"{login.url} {path()}"


def write(login: Login) -> Path | None:
    """Keep the login; gives the file that has its secret, None if the keyring has it."""
    file, former = path(), read()
    is_in_keyring = keyring.put(entry(login), login.secret)
    if former is not None and not former.secret and not (is_in_keyring and former.url == login.url):
        keyring.remove(entry(former))
    kept = replace(login, secret="") if is_in_keyring else login
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(file, json.dumps(asdict(kept), indent=2) + "\n", mode=PRIVATE)
    return None if is_in_keyring else file


def read() -> Login | None:
    """The login, if there is one, and it is the user's own."""
    with suppress(OSError, ValueError, TypeError, RuntimeError), path().open(encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_uid == os.geteuid():
            return Login(**json.load(file))
    return None


def secret_of(login: Login) -> str:
    """The secret, from wherever it is kept. Raises Unauthenticated if the keyring does not give it."""
    secret = login.secret or keyring.get(entry(login))
    if not secret:
        raise errors.Unauthenticated(
            "Your keyring does not give the secret of your log-in.",
            do="Unlock it and try again, or log in again: 'secondsite login'.",
        )
    return secret


def forget() -> None:
    """In a keyring that was locked at the last log-in the secret of the one before it may lie."""
    if (login := read()) is not None:
        keyring.remove(entry(login))
    path().unlink(missing_ok=True)
