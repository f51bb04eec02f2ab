"""Keys for registration: each lets one agent in, once, for a while.

A key's text is its secret and the SHA-256 of the CA, so that one text is all that a person carries to the
machine. Only the secret's digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from ....ground import durable
from .errors import Refused
from .records import Kind

SECRET_BYTES: Final = 16
PREFIX: Final = "ssa"
NEXT: Final = "Ask for a new one at the appliance: 'secondsite appliance agents key'."


class Used(BaseModel):
    """Who came in by a key; its certificate is given again if the answer was lost."""

    model_config = ConfigDict(frozen=True)

    public_key: str
    certificate: str


class Key(BaseModel):
    """For one agent: a new one, or one that is known already."""

    model_config = ConfigDict(frozen=True)

    agent_id: str
    kind: Kind
    until: datetime
    used: Used | None = None


class Keys:
    """The keys of a folder, a file each, which other processes may add to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "keys"

    def make(self, key: Key) -> str:
        """Keep the key; returns its secret, which is kept nowhere."""
        secret = secrets.token_hex(SECRET_BYTES)
        durable.write(self._path(secret), key.model_dump_json())
        return secret

    def find(self, secret: str, now: datetime) -> Key:
        """Raises Refused for a wrong one, or an old one."""
        try:
            key = Key.model_validate_json(self._path(secret).read_bytes())
        except (FileNotFoundError, ValidationError):
            raise Refused("key-wrong", f"This appliance knows no such registration key. {NEXT}") from None
        if now >= key.until:
            raise Refused(
                "key-old", f"This registration key was valid until {key.until:%F %H:%M} UTC. {NEXT}"
            )
        return key

    def use(self, secret: str, key: Key, used: Used) -> None:
        """From now on it is for nobody else."""
        durable.write(self._path(secret), key.model_copy(update={"used": used}).model_dump_json())

    def remove_of(self, agent_id: str) -> None:
        """Nobody comes in again by a key that was this agent's."""
        for path, key in self._all():
            if key is not None and key.agent_id == agent_id:
                durable.remove(path)

    def _all(self) -> Iterator[tuple[Path, Key | None]]:
        for path in self._folder.glob("*.json"):
            try:
                yield path, Key.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                yield path, None

    def _path(self, secret: str) -> Path:
        return self._folder / f"{hashlib.sha256(secret.encode()).hexdigest()}.json"


def text_of(secret: str, ca_fingerprint: str) -> str:
    """What a person carries to the machine."""
    return f"{PREFIX}-{secret}-{ca_fingerprint}"
