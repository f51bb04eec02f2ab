"""What the cards of a machine that was started for a drill are connected to, as its site says and not as it was asked for (S-094)."""

from collections.abc import Mapping

from ....domain import errors
from ..context import Context


def said(context: Context, fabric_id: str, wanted: Mapping[str, str | None]) -> str:
    """The end of a start's sentence; nothing of a machine that was to be connected to nothing, and is not."""
    try:
        found = context.fabric.inventory.get(fabric_id)
    except errors.SecondsiteError as problem:
        return f"; what its cards are connected to is not known: {problem.message}"
    nics = () if found is None else found.definition.nics
    there = [f"{nic.key} to {nic.network}" for nic in nics if nic.network is not None]
    asked = [name for name in wanted.values() if name is not None]
    missing = [name for name in asked if name not in {nic.network for nic in nics}]
    connected = f"; connected: {', '.join(there)}" if there else ""
    return connected + (f"; no card of it is in {', '.join(missing)}, as was asked for" if missing else "")
