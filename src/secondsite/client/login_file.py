"""The login of a person at a host: a file that only the person reads, with a secret that ends."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..ground import durable

FILE = "~/.config/secondsite/login.json"
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Login:
    """Where one is logged in, with the secret of the session, and when that ends (UTC)."""

    url: str
    ca: str
    secret: str
    ends_at: str

    def counts(self) -> bool:
        return datetime.fromisoformat(self.ends_at) > datetime.now(UTC)


def path() -> Path:
    """Raises RuntimeError where no home is known."""
    return Path(FILE).expanduser()


def write(login: Login) -> Path:
    """Keep the login; gives its file."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(file, json.dumps(asdict(login), indent=2) + "\n", mode=PRIVATE)
    return file


def read() -> Login | None:
    """The login, if there is one, and it is the user's own."""
    with suppress(OSError, ValueError, TypeError, RuntimeError), path().open(encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_uid == os.geteuid():
            return Login(**json.load(file))
    return None


def forget() -> None:
    path().unlink(missing_ok=True)
