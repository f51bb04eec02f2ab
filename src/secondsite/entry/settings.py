"""A vault's settings: home/vault.json, written once by init, edited by people; a home/vault.toml and the
environment may say others."""

import os
import uuid
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pydantic
from sqlalchemy import make_url

from ..domain import errors
from ..ground import durable
from ..ground.processes import layered

NAME = "vault"
FILE = "vault.json"
TOML_FILE = "vault.toml"
FIXED = frozenset({"id", "database_url"})
"""What makes this vault process the one that it is."""
DATABASE_FILE = "vault.db"
TOKEN_FILE = "token"
PKI_DIRECTORY = "pki"


class VaultSettings(pydantic.BaseModel):
    """`names` are the DNS names and addresses of this vault, beginning with the one that appliances dial.
    `id` distinguishes this vault process from others on the same database. A port of 0 lets the system
    choose. Appliances renew their certificates when a third of `appliance_certificate_days` is left. A
    recovery plan has at most `plan_groups` and `plan_machines`. For `notices_settle_seconds` after its start
    a vault sends no notices of findings: its appliances are still connecting. A machine that was started is
    looked at for `proof_seconds`, at most, until something in it answers. The result of a test failover
    counts for `drill_days`.

    Into `backup_folder`, if there is one, the vault makes a backup every `backup_every_hours` and keeps
    the newest `backup_keep`; they are encrypted if `backup_passphrase_file` is named. Without a good
    backup for `backup_warn_days` there is a finding; 0: never."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    name: str = "vault"
    id: str = pydantic.Field(default_factory=lambda: uuid.uuid4().hex)
    names: tuple[str, ...] = ("127.0.0.1", "localhost")
    rest_host: str = "127.0.0.1"
    rest_port: int = pydantic.Field(8443, ge=0, le=65535)
    control_host: str = "127.0.0.1"
    control_port: int = pydantic.Field(8444, ge=0, le=65535)
    database_url: str
    workers: int = pydantic.Field(16, ge=1, le=64)
    plan_groups: int = pydantic.Field(7, ge=1, le=100)
    plan_machines: int = pydantic.Field(100, ge=1, le=10_000)
    notices_settle_seconds: float = pydantic.Field(60, ge=0, le=3600)
    proof_seconds: float = pydantic.Field(3, ge=0, le=600)
    drill_days: float = pydantic.Field(90, gt=0, le=3650)
    appliance_certificate_days: float = pydantic.Field(90, gt=0, le=3650)
    backup_folder: Path | None = None
    backup_every_hours: float = pydantic.Field(24, gt=0, le=8760)
    backup_keep: int = pydantic.Field(7, ge=1, le=10_000)
    backup_passphrase_file: Path | None = None
    backup_warn_days: float = pydantic.Field(7, ge=0, le=3650)

    @property
    def database_kind(self) -> str:
        return self.database_url.split(":", 1)[0].split("+", 1)[0]


def default_database(home: Path) -> str:
    return f"sqlite:///{home.absolute() / DATABASE_FILE}"


def exists(home: Path) -> bool:
    return (home / FILE).exists()


def write(home: Path, settings: VaultSettings) -> None:
    """Write the settings, as the last thing of init: a home without them is not a vault yet."""
    durable.write(home / FILE, settings.model_dump_json(indent=2) + "\n", mode=0o600)


def read(home: Path, environ: Mapping[str, str] = os.environ) -> VaultSettings:
    """The settings of a vault. Raises NotFound for a home without a vault, InvalidArgument for what cannot be
    parsed, or is no setting."""
    path = home / FILE
    try:
        given = said(home, environ)
        _require_known(given, path)
        return VaultSettings.model_validate(layered.values(given))
    except FileNotFoundError:
        raise errors.NotFound(
            f"{home} is not a vault's home.", do="Run 'secondsite vault init' there first."
        ) from None
    except ValueError as error:
        raise errors.InvalidArgument(
            f"The settings of the vault in {home} are not valid: {error}",
            do=f"Correct {path}, or what is said beside it, in {TOML_FILE} or by a variable.",
        ) from error


def said(home: Path, environ: Mapping[str, str] = os.environ) -> dict[str, layered.Setting]:
    """What is said of its settings, and by whom. Raises FileNotFoundError, ValueError."""
    return layered.read(home, NAME, VaultSettings.model_fields, FIXED, environ)


def _require_known(said: Collection[str], path: Path) -> None:
    """Raises InvalidArgument for an unknown setting: it may be important for the vault's safety."""
    unknown = sorted(set(said) - set(VaultSettings.model_fields))
    if unknown:
        raise errors.InvalidArgument(
            f"{path} has settings that this release does not know: {', '.join(unknown)}. A newer release "
            "has written them, or they are misspelt.",
            do=(
                "Start the vault with the newer release: a vault is never put back to an older one. Or "
                "correct the file."
            ),
        )


def shown_database(url: str) -> str:
    """A database's address as people may see it: without its password."""
    return make_url(url).render_as_string(hide_password=True)


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names for the vault's certificate, each once; raises InvalidArgument when there is none."""
    unique = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not unique:
        raise errors.InvalidArgument("A vault needs at least one name or address that appliances can dial.")
    return unique
