"""`secondsite vault join`: one more process of a vault that is there already, on another host.

It gets the database's address, and a copy of the `pki` folder of the vault's first host. Everything else is
in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..domain import errors
from ..ground import durable
from ..ground.certificates import fingerprint
from ..jobs.storage import database
from ..vault import store as vault_store
from ..vault.fleet import gateway
from ..vault.fleet.gateway import certificate_authority as authorities
from ..vault.store import ProcessRecord, migration
from . import service_user, settings
from .settings import VaultSettings

COPIED = (authorities.NEXT_KEY, authorities.CA_KEY, authorities.CA_CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the new process listens, and the names by which others reach it."""

    names: Sequence[str]
    rest_host: str
    rest_port: int
    control_host: str
    control_port: int


def join(home: Path, pki: Path, database_url: str, place: Place) -> VaultSettings:
    """Make the home of one more process. A join that was interrupted is completed by the next one.

    Raises AlreadyExists for a home that is there, NotFound for a folder or a database without a vault, and
    InvalidArgument or NotPossibleNow if the two do not belong together.
    """
    if settings.exists(home):
        raise errors.AlreadyExists(
            f"{home} is a vault's home already.", do="Start it with 'secondsite vault run'."
        )
    copied = gateway.load_authority(pki)
    known = _known(database_url, tuple(map(fingerprint, copied.trusted)))
    chosen = VaultSettings(
        name=known.name,
        names=settings.checked_names(place.names),
        rest_host=place.rest_host,
        rest_port=place.rest_port,
        control_host=place.control_host,
        control_port=place.control_port,
        database_url=database_url,
    )
    service_user.become_owner(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy(pki, home / settings.PKI_DIRECTORY)
    settings.write(home, chosen)
    return chosen


def _known(database_url: str, trusted: tuple[str, ...]) -> ProcessRecord:
    """The process of the vault that was last seen."""
    if not database_url.startswith("postgresql"):
        raise errors.InvalidArgument(
            "Several processes share a PostgreSQL database; SQLite serves one.",
            do="Give the --database-url that stands in the first host's vault.json.",
        )
    db = database.connect(database_url)
    try:
        with vault_store.Store(db).reading() as tx:
            if migration.require_known(tx.session.connection()) != migration.NEWEST:
                raise errors.NotPossibleNow(
                    "The database holds no vault of this release.",
                    do=(
                        "Run 'secondsite vault init' and 'vault run' on the first host, with the same "
                        "release as here."
                    ),
                )
            found = sorted(tx.processes.list(), key=lambda each: each.seen_at)
    finally:
        db.dispose()
    if not found:
        raise errors.NotFound(
            "No vault process has run on this database yet.",
            do="Start the vault on its first host: 'secondsite vault run'."
        )  # fmt: skip
    if found[-1].trusted != trusted:
        raise errors.InvalidArgument(
            f"The CA in the folder is {trusted[0]}, that of the vault {found[-1].trusted[0]}.",
            do="Copy 'pki' from the home of the vault's first host, as it is now.",
        )
    return found[-1]


def _copy(pki: Path, into: Path) -> None:
    """The CA and its key; the server's certificate is made for the new host's names when it starts."""
    into.mkdir(mode=0o700, exist_ok=True)
    for name in COPIED:
        if (pki / name).exists():
            mode = 0o644 if name == authorities.CA_CERTIFICATE else 0o600
            durable.write(into / name, (pki / name).read_bytes(), mode=mode)
