"""Who may come in: registration keys of appliances, access tokens of people, the certificate authority."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ...domain.access.roles import Role


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A registration key, kept only as its sha256."""

    key_sha256: str
    site: str
    expires_at: datetime
    used_at: datetime | None = None
    replaces: str | None = None
    """The id of the appliance that enrolls again with it."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """An access token, kept only as its sha256. A rotation replaces that: the `former` one opens until then, too. `id` is its
    own for ever; names may be given again. `expires_at` None: it does not expire."""

    name: str
    token_sha256: str
    created_at: datetime
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    roles: tuple[Role, ...] = ()
    site: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    former_sha256: str | None = None
    former_until: datetime | None = None
    person: str | None = None
    """Whose it is; None: nobody else's is named so."""
    shown_to: tuple[str, ...] = ()
    """The persons who saw one of its secrets when it was made."""


class RegistrationKeys(Protocol):
    def add(self, key: KeyRecord) -> None: ...

    def use(self, key_sha256: str, now: datetime) -> KeyRecord:
        """Marks it used, once; raises RegistrationRefused when unknown, used or expired."""


class ApplianceKeys(Protocol):
    """The sha256 of the public key that an appliance may show. One that enrolled with an earlier release has none, until it is
    first seen."""

    def put(self, appliance_id: str, key_sha256: str) -> None: ...

    def put_first(self, appliance_id: str, key_sha256: str) -> None:
        """Keep it, unless there is one."""

    def find(self, appliance_id: str) -> str | None: ...
    def all(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class ApplianceTrust:
    """What an appliance reported last, as fingerprints: the CAs that it trusts, and the one that issued its certificate."""

    trusted: tuple[str, ...]
    issuer: str


class ApplianceTrusts(Protocol):
    """Written when an appliance reports it; an earlier release reports nothing."""

    def put(self, appliance_id: str, trust: ApplianceTrust) -> None: ...
    def all(self) -> Mapping[str, ApplianceTrust]: ...


class Tokens(Protocol):
    def add(self, token: TokenRecord) -> None: ...
    def put(self, token: TokenRecord) -> None: ...

    def find(self, token_sha256: str) -> TokenRecord | None:
        """The one whose present or former secret has this digest."""

    def used(self, token_id: str, at: datetime) -> None: ...
    def list(self) -> Sequence[TokenRecord]: ...
    def remove(self, name: str) -> None: ...


class Renew(Protocol):
    """Gives an appliance its next certificate."""

    def __call__(self, appliance_id: str, csr_pem: str) -> str: ...


class Admit(Protocol):
    """Lets an appliance in with the key that it shows, or raises CertificateRefused."""

    def __call__(self, appliance_id: str, key_sha256: str) -> None: ...


class Authority(Protocol):
    """The vault's own certificate authority."""

    @property
    def ca_pem(self) -> str: ...
    @property
    def trusted_pem(self) -> str:
        """All CAs that are trusted now; the first one issues."""

    @property
    def ends_at(self) -> datetime: ...
    @property
    def appliance_lifetime(self) -> timedelta:
        """How long an appliance's certificate is valid; it asks for the next one when a third is left."""

    @property
    def fingerprint(self) -> str:
        """sha256 of the CA certificate in DER, as 64 hex digits."""

    def issue_appliance(self, csr_pem: str, appliance_id: str, now: datetime) -> tuple[str, datetime]:
        """A certificate (PEM) with the appliance's id as common name, for server and client use, and its end."""
