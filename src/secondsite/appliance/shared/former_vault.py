"""A vault is gone, and the appliance enrolled at another one."""

from .enrolled_peers import KEY as PEERS
from .known_vaults import KEY as VAULTS
from .order_numbers import VAULT_KEY
from .state import State


def forget_vault(state: State) -> None:
    """Where its processes were, how far its number had come, and whom it had enrolled. What it said of machines stays."""
    for key in (VAULTS, PEERS, VAULT_KEY):
        state.remove_fact(key)
