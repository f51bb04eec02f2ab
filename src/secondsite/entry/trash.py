"""What `secondsite appliance trash` does: what a person at the target's host may do with deleted history,
and nobody else."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..appliance.shared import ApplianceConfig, State
from ..appliance.target import DelayedDeletions, Rules, stores, trash
from ..datapath.replica import PointRecord
from ..domain import errors
from ..wire.control.setups import ReplicaSetup
from . import appliance_main


@dataclass(frozen=True, slots=True)
class TrashEntry:
    """Something that stays because of the deletion delay. `points` and `frees_bytes` are None for points
    of a replica that is in use: what its policy lets go is decided when the delay is over."""

    item: str
    machine: str
    why: str
    points: int | None
    frees_bytes: int | None
    removed_at: datetime | None
    left_seconds: float
    restored: tuple[str, ...] = ()


def kept(home: Path) -> list[TrashEntry]:
    """Everything that is kept, also while the appliance runs."""
    config = ApplianceConfig.load(home.absolute())
    delay = config.deletion_delay_seconds
    removed = [
        TrashEntry(
            item=item.name,
            machine=item.removed.machine_name,
            why=str(item.removed.why),
            points=item.removed.points,
            frees_bytes=item.freed_bytes(),
            removed_at=item.removed.removed_at,
            left_seconds=item.left_seconds(delay),
            restored=item.restored,
        )
        for item in _items(config)
    ]
    waiting = [
        TrashEntry(
            setup.machine_id,
            setup.machine_name,
            "its retention was lowered, or a hold released",
            None,
            None,
            None,
            left,
        )
        for setup, delayed in _replicas(config)
        if (left := delayed.longest_left_seconds)
    ]
    return removed + waiting


def points(home: Path, name: str) -> list[PointRecord]:
    """The recovery points of an item, oldest first."""
    config = ApplianceConfig.load(home.absolute())
    return trash.by_hand.points(_item(config, name), config.store)


def restore(home: Path, name: str, point: str | None, new_name: str | None, key_file: Path | None) -> str:
    """Define a machine on a point of an item; returns a sentence. Raises NotPossibleNow while the appliance
    runs."""
    with appliance_main.at_rest(home, key_file) as (config, custody, fabric):
        return trash.by_hand.restore(fabric, _item(config, name), config.store, custody.key, point, new_name)


def purge(home: Path, name: str) -> str:
    """Let an item, or what waits in a replica that is in use, go now; returns a sentence. Raises
    NotPossibleNow while the appliance runs, or a machine stands on the item."""
    with appliance_main.at_rest(home, None) as (config, _, fabric):
        items = _items(config)
        for setup, delayed in _replicas(config):
            is_meant = name in (setup.machine_id, setup.machine_name) and name not in {
                each.name for each in items
            }
            if is_meant and delayed.longest_left_seconds:
                _require_one(name, items)
                delayed.let_go()
                return (
                    f"what waited for {setup.machine_name} goes once the appliance runs: its policy decides"
                )
        return trash.by_hand.let_go(fabric, _item(config, name), stores.require_all(config))


def _require_one(name: str, items: Collection[trash.Item]) -> None:
    """Raises InvalidArgument for the name of a machine that is in use, and in the trash too."""
    if any(item.removed.machine_name == name for item in items):
        raise errors.InvalidArgument(
            f"'{name}' is a machine in use, and one whose points are in the trash.",
            do="Name the one that is meant as 'secondsite appliance trash list' shows it.",
        )


def _items(config: ApplianceConfig) -> list[trash.Item]:
    """The items of all stores, the oldest first."""
    found = [
        item
        for root in config.all_stores.values()
        for item in trash.Trash(root, config.deletion_delay_seconds).items()
    ]
    return sorted(found, key=lambda item: item.removed.removed_at)


def _item(config: ApplianceConfig, name: str) -> trash.Item:
    return trash.find(_items(config), name)


def _replicas(config: ApplianceConfig) -> list[tuple[ReplicaSetup, DelayedDeletions]]:
    """The replicas in use, with what waits in them."""
    if not config.state_file.exists():
        raise errors.NotFound(
            f"{config.state_file} is not there.", do="Give the home of an appliance that ran."
        )
    state = State(config.state_file)
    try:
        setups = [ReplicaSetup.model_validate_json(setup) for setup, _ in state.replicas().values()]
    finally:
        state.close()
    rules = Rules(config.deletion_delay_seconds, config.minimum_retention_seconds)
    roots = config.all_stores.values()
    found = [(setup, root / "replicas" / setup.machine_id) for setup in setups for root in roots]
    return [
        (setup, DelayedDeletions(folder, rules, setup.policy.retention_seconds))
        for setup, folder in found
        if folder.exists()
    ]
