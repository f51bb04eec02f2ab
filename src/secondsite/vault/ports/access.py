"""Who may come in: registration keys of appliances, access tokens of people, the certificate authority."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A registration key, kept only as its sha256."""

    key_sha256: str
    site: str
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """An access token, kept only as its sha256."""

    name: str
    token_sha256: str
    created_at: datetime


class RegistrationKeys(Protocol):
    def add(self, key: KeyRecord) -> None: ...

    def use(self, key_sha256: str, now: datetime) -> KeyRecord:
        """Marks it used, once; raises RegistrationRefused when unknown, used or expired."""


class Tokens(Protocol):
    def add(self, token: TokenRecord) -> None: ...
    def find(self, token_sha256: str) -> TokenRecord | None: ...
    def list(self) -> Sequence[TokenRecord]: ...
    def remove(self, name: str) -> None: ...


class Renew(Protocol):
    """Gives an appliance its next certificate."""

    def __call__(self, appliance_id: str, csr_pem: str) -> str: ...


class Authority(Protocol):
    """The vault's own certificate authority."""

    @property
    def ca_pem(self) -> str: ...
    @property
    def fingerprint(self) -> str:
        """sha256 of the CA certificate in DER, as 64 hex digits."""

    def issue_appliance(self, csr_pem: str, appliance_id: str, now: datetime) -> tuple[str, datetime]:
        """A certificate (PEM) with the appliance's id as common name, for server and client use, and its end."""
