"""Where lies what a vault knew of machines that are replicated from here: in the default store, since they
have no replica there."""

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
    """All that are there."""
    return sorted((store / FOLDER).glob("*.json"))


# A vault is gone, and the appliance enrolled at another one.


def forget_vault(state: State) -> None:
    """Where its processes were, how far its number had come, and whom it had enrolled. What it said of
    machines stays."""
    for key in (VAULTS, PEERS, VAULT_KEY):
        state.remove_fact(key)
