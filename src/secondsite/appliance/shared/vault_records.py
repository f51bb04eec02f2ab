"""The records of what a vault knew of machines that are replicated from here. They are in the default store,
since these machines have no replica here."""

from collections.abc import Sequence
from pathlib import Path

from .enrolled_peers import KEY as PEERS
from .known_vaults import KEY as VAULTS
from .order_numbers import VAULT_KEY
from .state import State

FOLDER = "sources"


def source(store: Path, machine_id: str) -> Path:
    return store / FOLDER / f"{machine_id}.json"


def sources(store: Path) -> Sequence[Path]:
    """The paths of all these records."""
    return sorted((store / FOLDER).glob("*.json"))


# For an appliance that enrolled at another vault because its own is gone.


def forget_vault(state: State) -> None:
    """Forget the former vault: its addresses, its highest number, and the appliances that it had enrolled.
    What it said of machines stays."""
    for key in (VAULTS, PEERS, VAULT_KEY):
        state.remove_fact(key)
