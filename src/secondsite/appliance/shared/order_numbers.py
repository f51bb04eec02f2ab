"""Where the highest numbers of orders that were seen are kept, by machine (see `control/generations`)."""

from .state import State

KEY = "generation/"
DRILL_KEY = "drill-generation/"
VAULT_KEY = "vault-number"


def seen(state: State, machine_id: str) -> tuple[int, int]:
    """The highest number of the machine's orders, and of those of its drills; 0 if none was seen."""
    return int(state.fact(KEY + machine_id) or 0), int(state.fact(DRILL_KEY + machine_id) or 0)
