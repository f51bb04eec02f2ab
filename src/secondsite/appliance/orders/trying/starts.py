"""A start of a machine at its second site, with empty disks in the store that its own would lie in, and with
its cards on the networks that they are meant for."""

import time
from collections.abc import Sequence
from pathlib import Path

from ....domain import errors
from ....fabrics.interface import Obstacle, StartTrial
from ....wire.common.machines import MachineDefinition
from ....wire.control.checks import CheckTarget
from ...target import stores
from ..context import Context


def start(
    context: Context, payload: CheckTarget, definition: MachineDefinition
) -> tuple[float | None, Sequence[Obstacle]]:
    """How many seconds it took, unless it failed; and what the platform says. Raises FabricError."""
    trial = StartTrial(
        definition,
        payload.sizing,
        {card.key: card.network for card in payload.cards if card.network is not None},
        _folder(context, payload),
    )
    began = time.monotonic()
    found = context.fabric.hosting.try_start(trial)
    seconds = time.monotonic() - began
    return (None if any(each.blocking for each in found) else seconds), found


def _folder(context: Context, payload: CheckTarget) -> Path | None:
    """Where empty disks may be put; None while the store is away, which other checks tell."""
    machine_id = context.order.machine_id
    try:
        store = stores.choosing.chosen(context.parts.host.stores, machine_id, payload.keeping)
        store.require()
    except errors.SecondsiteError:
        return None
    return store.trial
