"""`secondsite vault ca ...` at the vault's own host: its certificate authority is replaced by another one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..domain import errors
from ..jobs.model.clock import utc_now
from ..jobs.storage import database
from ..vault import store as vault_store
from ..vault.fleet.gateway import ca_rotation
from ..vault.fleet.gateway.ca_rotation import Phase, RotationStanding
from ..vault.store import ApplianceRecord, ApplianceTrust
from . import service_user, settings


@dataclass(frozen=True, slots=True)
class Appliance:
    """One appliance in a rotation: whether it trusts the new CA, and whether the CA that issues now has
    issued its certificate."""

    id: str
    name: str
    site: str
    connected: bool
    trusts_all: bool
    has_new: bool


@dataclass(frozen=True, slots=True)
class RotationState:
    standing: RotationStanding
    appliances: Sequence[Appliance]


def look(home: Path) -> RotationState:
    """The state of the rotation. Raises NotFound for a home without a vault."""
    service_user.become_owner(home)
    chosen = settings.read(home)
    standing = ca_rotation.standing(home / settings.PKI_DIRECTORY)
    vault_store.migrate(chosen.database_url)
    db = database.connect(chosen.database_url)
    try:
        with vault_store.Store(db).reading() as tx:
            trusts = tx.appliance_trusts.all()
            found = [_appliance(each, trusts.get(each.id), standing) for each in tx.appliances.list()]
    finally:
        db.dispose()
    return RotationState(standing, found)


def rotate(home: Path) -> RotationState:
    """Make the new CA. Raises NotPossibleNow during another rotation."""
    look(home)
    ca_rotation.rotate(home / settings.PKI_DIRECTORY, settings.read(home).name, utc_now())
    return look(home)


def switch(home: Path, leave_behind: bool) -> RotationState:
    """Let the new CA issue. Raises NotPossibleNow while an appliance does not trust it, unless it may be
    left behind."""
    return _go_on(home, Phase.BOTH_TRUSTED, ca_rotation.switch, leave_behind, lambda each: each.trusts_all)


def drop(home: Path, leave_behind: bool) -> RotationState:
    """Trust the former CA no more. Raises NotPossibleNow while an appliance shows a certificate of it,
    unless it may be left behind."""
    return _go_on(home, Phase.SWITCHED, ca_rotation.drop, leave_behind, lambda each: each.has_new)


def _go_on(
    home: Path,
    phase: Phase,
    act: Callable[[Path], None],
    leave_behind: bool,
    is_ready: Callable[[Appliance], bool],
) -> RotationState:
    found = look(home)
    late = (
        [] if found.standing.phase is not phase else [each for each in found.appliances if not is_ready(each)]
    )
    if late and not leave_behind:
        names = ", ".join(f"{each.name} ({'connected' if each.connected else 'away'})" for each in late[:10])
        raise errors.NotPossibleNow(
            f"Appliances that have not come along yet: {names}.",
            do="Start the vault again after each act, connect them, and look with 'secondsite vault ca "
            "show'. With --leave-behind they are not waited for, and must be enrolled again: 'secondsite "
            "appliance enroll-again --help'.",
        )
    act(home / settings.PKI_DIRECTORY)
    return look(home)


def _appliance(
    record: ApplianceRecord, trust: ApplianceTrust | None, standing: RotationStanding
) -> Appliance:
    issues = standing.trusted[0]
    return Appliance(
        id=record.id,
        name=record.name,
        site=record.site,
        connected=record.connected,
        trusts_all=trust is not None and set(standing.trusted) <= set(trust.trusted),
        has_new=trust is not None and trust.issuer == issues,
    )
