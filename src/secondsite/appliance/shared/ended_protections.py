"""Protections that ended here: a vault that is restored from an older backup cannot begin them again. A
machine that was protected anew since may run at the other site, and what is here may be its old copy."""

from datetime import UTC, datetime

from ...domain import errors, shell
from .state import State


def remember(state: State, machine_id: str) -> None:
    """Record, durably, that the machine's protection has ended here."""
    if state.fact(_key(machine_id)) is None:
        state.put_fact(_key(machine_id), datetime.now(UTC).isoformat(timespec="seconds"))


def require_not(state: State, machine_id: str, name: str) -> None:
    """Raises StaleOrder if the machine's protection has ended here."""
    ended_at = state.fact(_key(machine_id))
    if ended_at is not None:
        raise errors.StaleOrder(
            (
                f"This protection of {name} ended here at {ended_at}, so the order is of a vault that was "
                "restored from before that."
            ),
            do=f"End it in the vault too ('secondsite machine disable-protection {shell.arguments(name)}'), "
            "then protect the machine where it runs now.",
        )


def _key(machine_id: str) -> str:
    return f"ended/{machine_id}"
