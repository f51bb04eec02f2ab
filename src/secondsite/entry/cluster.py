"""What a vault process needs in addition if several share a PostgreSQL database."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from .. import __version__
from ..domain import errors
from ..ground.certificates import fingerprint
from ..jobs.model.clock import utc_now
from ..jobs.model.failures import JobError
from ..jobs.running import held_jobs
from ..jobs.running.lease_state import LeaseState
from ..jobs.storage.lease import Member
from ..vault.fleet.gateway import OtherProcesses, VaultAuthority
from ..vault.fleet.signals import Signals
from ..vault.store import CHANNEL, ProcessRecord, Store, Transaction, heard, migration
from .settings import VaultSettings

log = structlog.get_logger()

FORGOTTEN_AFTER = timedelta(days=7)
"""A process that was not seen for this time is not dialled by appliances any more."""


def other_processes(
    settings: VaultSettings,
    store: Store,
    signals: Signals,
    lost: Callable[[Transaction, Sequence[str]], None],
) -> OtherProcesses | None:
    """The messages between this process and the others; None on SQLite, which serves one process. `lost` is
    called for appliances whose process has died."""
    if settings.database_kind != "postgresql":
        return None
    others = OtherProcesses(store, signals.from_afar, lost)
    signals.tell_others(others.tell)
    return others


def channels(
    others: OtherProcesses | None, member: Callable[[], Member | None]
) -> Mapping[str, Callable[[str | None], None]]:
    """The functions to call for messages of the database, by channel; called with None if messages may have
    been missed."""
    if others is None:
        return {}

    def hear(payload: str | None) -> None:
        said = "" if payload is None else heard(payload, member())
        if said is not None:
            others.hear(said)

    return {CHANNEL: hear}


def joined_again(session: Session, is_behind: bool) -> None:
    """Called when this process has lost its lease and got a new one. Raises JobError if a newer release has
    changed the tables."""
    try:
        migration.require_known(session.connection())
    except errors.NotPossibleNow as newer:
        raise JobError("database-is-newer", newer.message, newer.do) from newer
    if is_behind:
        held = held_jobs.hold_all(session)
        log.error(
            "database.went-back",
            jobs=held,
            do="PostgreSQL lacks what it had acknowledged, as after a failover to a standby that was "
            "behind. Jobs that were moving are held: look at each, then resume or cancel it.",
        )


def end_this_process(problem: JobError) -> None:
    """End this process, because it cannot go on; `run` reports why when it has stopped."""
    log.critical("vault.ends", problem=problem.message, do=problem.do)
    os.kill(os.getpid(), signal.SIGTERM)


def served(standing: LeaseState) -> Callable[[], None]:
    """A function that raises StoreUnavailable while this process has no lease."""

    def require() -> None:
        seconds = standing.lost_for_seconds
        if seconds is not None:
            raise errors.StoreUnavailable(
                f"This vault process has had no connection to its database for {seconds:.0f} s.",
                do=(
                    "Ask another of the vault's processes; look at the database, and at the way to it from "
                    "here."
                ),
            )

    return require


def enter(
    tx: Transaction, settings: VaultSettings, authority: VaultAuthority, url: str, lived: datetime
) -> None:
    """Record where this process is, for the other processes and the appliances."""
    now = utc_now()
    mine = ProcessRecord(settings.id, settings.name, url, trusted(authority), __version__, now)
    for other in tx.processes.list():
        if other.id != mine.id and other.trusted != mine.trusted:
            log.warning(
                "ca.differs",
                process=other.control_url,
                do="Give both the same 'pki/ca.pem' and 'pki/ca.key', and start them again.",
            )
    tx.processes.put(mine)
    tx.processes.forget(lived - FORGOTTEN_AFTER)


def trusted(authority: VaultAuthority) -> tuple[str, ...]:
    return tuple(map(fingerprint, authority.trusted))
